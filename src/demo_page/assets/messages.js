// @ts-check
// Lists of messages: the channel's, and a thread's. A message that is edited is changed in place, block by block, so that what one
// points at or has focused stays.

import { blocks, mrkdwn, picture } from "./blocks.js";
import { done, enlarge } from "./dialogs.js";
import { announce, fill, h } from "./dom.js";
import { OFTEN, emoji } from "./emoji.js";
import { act } from "./server.js";
import { nameOf, openThread, state } from "./state.js";

/** @typedef {import("./state.js").Message} Message */

/** People's colours, by their place in the list. */
const COLOURS = 6;

/**
 * The picture beside a message.
 * @param {string} user
 */
export function avatar(user) {
    if (user === state.robot) return h("img", { class: "avatar", src: "/owl.svg", alt: "", width: 36, height: 36 });
    const at = [...state.users.keys()].indexOf(user);
    return h("span", { class: `avatar person-${((at % COLOURS) + COLOURS) % COLOURS}`, "aria-hidden": "true" }, nameOf(user).slice(0, 1));
}

/** @param {string} ts */
export function time(ts) {
    const at = new Date(Number(ts) * 1000);
    const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
    return h("time", { dateTime: at.toISOString(), title: at.toLocaleString("en") }, `${two(at.getHours())}:${two(at.getMinutes())}`);
}

/** A message on the page. */
class Shown {
    /** @param {boolean} threaded whether it is in a thread's list */
    constructor(threaded) {
        this.threaded = threaded;
        this.json = "";
        /** @type {string[]} */
        this.parts = [];
        this.side = h("div", { class: "side-of" });
        this.head = h("div", { class: "head" });
        this.only = h("p", { class: "only" });
        this.body = h("div", { class: "body" });
        this.files = h("div", { class: "files" });
        this.reactions = h("div", { class: "reactions" });
        this.replies = h("div", { class: "replies" });
        this.tools = h("div", { class: "tools", role: "group", "aria-label": "Do something with the message" });
        this.root = h("li", {}, this.side, h("div", { class: "main" }, this.only, this.head, this.body, this.files, this.reactions, this.replies), this.tools);
    }

    /**
     * @param {Message} message
     * @param {boolean} follows the one before is by the same author, and recent
     * @param {Message[]} replies
     */
    update(message, follows, replies) {
        const json = JSON.stringify([message, follows, replies.length, replies.at(-1)?.ts, state.me]);
        if (json === this.json) return;
        this.json = json;
        this.root.className = `message${follows ? " follows" : ""}${message.ephemeral_to ? " private" : ""}`;
        this.root.dataset.ts = message.ts;
        fill(this.side, follows ? time(message.ts) : avatar(message.user));
        fill(
            this.head,
            follows ? null : h("b", { class: "author" }, message.username ?? nameOf(message.user)),
            !follows && message.from_app ? h("span", { class: "badge" }, "App") : null,
            follows ? null : time(message.ts),
        );
        this.head.hidden = follows;
        fill(this.only, message.ephemeral_to ? "Only visible to you" : null);
        this.only.hidden = !message.ephemeral_to;
        this.content(message);
        fill(this.files, message.files.map(file));
        this.files.hidden = message.files.length === 0;
        this.react(message);
        this.answer(message, replies);
        fill(
            this.tools,
            h("button", { type: "button", "aria-label": "Add a reaction", title: "Add a reaction", onclick: (/** @type {Event} */ event) => picker(message, /** @type {HTMLElement} */ (event.currentTarget)) }, "☺"),
            this.threaded || message.ephemeral_to ? null : h("button", { type: "button", "aria-label": "Reply in a thread", title: "Reply in a thread", onclick: () => openThread(message.thread_ts ?? message.ts) }, "💬"),
        );
    }

    /** The words, or the blocks, and what is attached. @param {Message} message */
    content(message) {
        /** @type {import("./blocks.js").Surface} */
        const surface = {
            act: (element, choice) => void done(act("click", { user: state.me, ts: message.ts, element: element.action_id, choice })),
            suggest: async (element, typed) => {
                const answer = await done(act("suggest", { user: state.me, ts: message.ts, element: element.action_id, text: typed }));
                return answer?.answer?.options ?? [];
            },
            enlarge,
        };
        /** @type {{json: string, make: () => HTMLElement}[]} */
        const wanted = [];
        if (message.blocks.length > 0) {
            for (const block of message.blocks) {
                wanted.push({ json: JSON.stringify(block) + state.me, make: () => blocks([block], surface)[0] });
            }
        } else if (message.text) {
            wanted.push({ json: message.text, make: () => h("div", { class: "block" }, h("div", { class: "words" }, mrkdwn(message.text))) });
        }
        for (const attachment of message.attachments) {
            wanted.push({ json: JSON.stringify(attachment), make: () => attached(attachment, surface) });
        }
        if (message.edited) wanted.push({ json: "edited", make: () => h("span", { class: "edited" }, "(edited)") });
        const key = /** @type {HTMLElement | null} */ (this.body.contains(document.activeElement) ? document.activeElement : null)?.dataset.key;
        wanted.forEach((want, n) => {
            if (this.parts[n] === want.json) return;
            const made = want.make();
            const old = this.body.children[n];
            if (old) old.replaceWith(made);
            else this.body.append(made);
        });
        while (this.body.children.length > wanted.length) this.body.lastElementChild?.remove();
        this.parts = wanted.map((want) => want.json);
        if (key) /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
    }

    /** @param {Message} message */
    react(message) {
        const one = (/** @type {{name: string, users: string[]}} */ reaction) => {
            const mine = reaction.users.includes(state.me);
            const who = reaction.users.map(nameOf).join(", ");
            return h(
                "button",
                {
                    type: "button",
                    class: "reaction",
                    "aria-pressed": String(mine),
                    "aria-label": `${reaction.name.replaceAll("_", " ")}: ${who}`,
                    title: `${who} reacted with :${reaction.name}:`,
                    onclick: () => void done(act("react", { user: state.me, ts: message.ts, name: reaction.name, remove: mine })),
                },
                h("span", { class: "emoji" }, emoji(reaction.name)),
                ` ${reaction.users.length}`,
            );
        };
        fill(this.reactions, message.reactions.map(one));
        this.reactions.hidden = message.reactions.length === 0;
    }

    /** @param {Message} message @param {Message[]} replies */
    answer(message, replies) {
        this.replies.hidden = this.threaded || replies.length === 0;
        const who = [...new Set(replies.map((reply) => reply.user))].slice(0, 4);
        const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
        const last = replies.at(-1);
        fill(
            this.replies,
            h("button", { type: "button", onclick: () => openThread(message.ts) }, who.map(avatar), h("b", {}, count), last ? h("span", { class: "last" }, "last at ", time(last.ts)) : null),
        );
    }
}

/** @param {import("./state.js").File} file */
function file(file) {
    const src = `/api/files/${encodeURIComponent(file.id)}`;
    if (!file.picture) return h("a", { class: "file", href: src, download: file.name }, `📄 ${file.title || file.name}`);
    return h("figure", {}, h("figcaption", {}, file.title || file.name), picture({ src, alt: file.alt ?? "", title: file.title || file.name }, { enlarge }));
}

/** @param {any} attachment @param {import("./blocks.js").Surface} surface */
function attached(attachment, surface) {
    const made = h(
        "div",
        { class: "attachment" },
        attachment.title ? h("b", {}, attachment.title) : null,
        attachment.blocks ? blocks(attachment.blocks, surface) : h("div", { class: "words" }, mrkdwn(attachment.text ?? attachment.fallback ?? "")),
    );
    if (/^#?[0-9a-f]{6}$/i.test(attachment.color ?? "")) made.style.borderLeftColor = `#${attachment.color.replace("#", "")}`;
    return made;
}

/** Offers emoji. @param {Message} message @param {HTMLElement} at */
function picker(message, at) {
    const menu = h("div", { class: "picker", role: "group", "aria-label": "Choose a reaction" });
    menu.setAttribute("popover", "auto");
    const choose = (/** @type {string} */ name) => {
        menu.hidePopover();
        void done(act("react", { user: state.me, ts: message.ts, name, remove: false }));
    };
    fill(menu, OFTEN.map((name) => h("button", { type: "button", "aria-label": name.replaceAll("_", " "), onclick: () => choose(name) }, emoji(name))));
    menu.addEventListener("toggle", (event) => {
        if (/** @type {ToggleEvent} */ (event).newState === "closed") menu.remove();
    });
    document.body.append(menu);
    menu.showPopover();
    const place = at.getBoundingClientRect();
    menu.style.top = `${Math.max(8, Math.min(place.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
    menu.style.left = `${Math.max(8, place.right - menu.offsetWidth)}px`;
    /** @type {HTMLElement | null} */ (menu.firstElementChild)?.focus();
}

/** A list of messages on the page. */
export class Messages {
    /**
     * @param {HTMLElement} list
     * @param {HTMLElement} scroll
     * @param {boolean} threaded
     */
    constructor(list, scroll, threaded) {
        this.list = list;
        this.scroll = scroll;
        this.threaded = threaded;
        /** @type {Map<string, Shown>} */
        this.shown = new Map();
        this.bottom = true;
        // The browser scrolls by itself when a card becomes shorter, and by then a picture may have made another longer: only whoever
        // moves a hand leaves the end.
        let moved = 0;
        let held = false;
        for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
            scroll.addEventListener(kind, () => { moved = Date.now(); }, { passive: true });
        }
        scroll.addEventListener("pointerdown", () => { held = true; });
        window.addEventListener("pointerup", () => { held = false; });
        scroll.addEventListener("scroll", () => {
            const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
            if (atEnd || held || Date.now() - moved < 1000) this.bottom = atEnd;
        });
        // Pictures and edits make it longer: whoever reads the end stays there.
        new ResizeObserver(() => this.follow()).observe(list);
        new ResizeObserver(() => this.follow()).observe(scroll);
    }

    follow() {
        if (this.bottom) this.scroll.scrollTop = this.scroll.scrollHeight;
    }

    /** Another conversation: from its end. */
    fresh() {
        this.shown.clear();
        this.list.replaceChildren();
        this.bottom = true;
    }

    /**
     * @param {Message[]} messages oldest first
     * @param {(message: Message) => Message[]} replies
     */
    update(messages, replies) {
        /** @type {Message | undefined} */
        let before;
        const wanted = new Set(messages.map((message) => message.ts));
        for (const [ts, shown] of this.shown) {
            if (wanted.has(ts)) continue;
            shown.root.remove();
            this.shown.delete(ts);
        }
        messages.forEach((message, n) => {
            let shown = this.shown.get(message.ts);
            if (!shown) {
                shown = new Shown(this.threaded);
                this.shown.set(message.ts, shown);
            }
            const close = before && before.user === message.user && Number(message.ts) - Number(before.ts) < 300;
            const follows = Boolean(close && !before?.ephemeral_to && !message.ephemeral_to && !message.from_app && !message.username);
            shown.update(message, follows, replies(message));
            if (this.list.children[n] !== shown.root) this.list.insertBefore(shown.root, this.list.children[n] ?? null);
            before = message;
        });
        this.follow();
    }
}

/** What a message says first, for those who hear it. @param {Message} message */
export function summary(message) {
    const block = message.blocks.find((block) => block.text?.text);
    const words = message.text || block?.text?.text || "";
    const made = h("span", {}, mrkdwn(words));
    return `${nameOf(message.user)}: ${(made.textContent ?? "").split("\n")[0].slice(0, 200)}`;
}

/** What was said aloud of each message. @type {Map<string, string>} */
const told = new Map();

/** Says what is new of the robot's, once for each change of its first words. @param {Message[]} messages */
export function tell(messages) {
    const last = messages.filter((message) => message.user !== state.me).at(-1);
    for (const message of messages) {
        if (!told.has(message.ts) && message !== last) told.set(message.ts, "");
    }
    if (!last) return;
    const words = summary(last);
    if (told.get(last.ts) === words) return;
    told.set(last.ts, words);
    announce(words);
}
