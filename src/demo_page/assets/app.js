// @ts-check
// The page: what is where, and what is heard from the server.

import { bench } from "./bench.js";
import { cluster } from "./cluster.js";
import { composer } from "./composer.js";
import { fill, get, h } from "./dom.js";
import { log } from "./log.js";
import { Messages, avatar, tell } from "./messages.js";
import { listen } from "./server.js";
import * as store from "./state.js";
import { nameOf, on, open, openThread, state, visible } from "./state.js";
import { tour } from "./tour.js";

/** @typedef {import("./state.js").Message} Message */

// The conversation.

const main = new Messages(get("channel-messages"), get("channel-scroll"), false);
const side = new Messages(get("thread-messages"), get("thread-scroll"), true);
let showing = "";
let threading = "";

/** The open channel, if it has begun. */
function channel() {
    return state.channels.find((channel) => channel.id === state.open) ?? direct();
}

/** The conversation of whoever is spoken as with the robot. */
function direct() {
    return state.open.startsWith("@") ? state.channels.find((channel) => channel.direct && channel.members.includes(state.me) && channel.members.length === 2) : undefined;
}

function title() {
    const here = channel();
    return !here || here.direct ? nameOf(state.robot) : `#${here.name}`;
}

/** @param {string} ts @param {Message[]} all */
function replies(ts, all) {
    return all.filter((message) => message.thread_ts === ts && message.ts !== ts);
}

on(["messages", "people", "channels"], () => {
    const here = channel()?.id ?? state.open;
    const all = [...state.messages.values()].filter((message) => message.channel === here && visible(message)).sort((one, other) => Number(one.ts) - Number(other.ts));
    if (showing !== `${here} ${state.me}`) {
        showing = `${here} ${state.me}`;
        main.fresh();
    }
    const top = all.filter((message) => !message.thread_ts || message.thread_ts === message.ts || message.broadcast || (message.ephemeral_to && !message.thread_ts));
    main.update(top, (message) => (message.thread_ts && message.thread_ts !== message.ts ? [] : replies(message.ts, all)));
    get("channel-name").textContent = title();
    const topic = channel();
    get("channel-topic").textContent = !topic || topic.direct ? "between the two of you" : `${topic.members.length} members`;
    tell(all);

    const thread = state.thread;
    get("thread").hidden = thread === null;
    document.body.classList.toggle("threaded", thread !== null);
    if (thread !== null) {
        if (threading !== `${thread} ${state.me}`) {
            threading = `${thread} ${state.me}`;
            side.fresh();
        }
        const root = state.messages.get(thread);
        side.update([...(root ? [root] : []), ...replies(thread, all)], () => []);
    }
});

composer(get("channel-composer"), "words", () => ({
    channel: channel()?.id ?? "@otus",
    thread: null,
    placeholder: `Message ${title()}`,
}));
composer(get("thread-composer"), "thread-words", () => ({
    channel: channel()?.id ?? "@otus",
    thread: state.thread,
    placeholder: "Reply in the thread",
}));

on(["messages"], () => {
    if (state.thread !== null && get("thread").dataset.for !== state.thread) {
        get("thread").dataset.for = state.thread;
        get("thread-words").focus();
    } else if (state.thread === null) delete get("thread").dataset.for;
});
get("thread-close").addEventListener("click", () => {
    openThread(null);
    get("words").focus();
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.thread !== null && !event.defaultPrevented && !document.querySelector("dialog[open]")) openThread(null);
});

// The conversations.

on(["channels", "people"], () => {
    const talk = state.channels.find((channel) => channel.direct && channel.members.includes(state.me));
    const one = (/** @type {string} */ id, /** @type {string} */ name, /** @type {Node} */ sign) => {
        const active = id === state.open || (state.open.startsWith("@") && id === talk?.id);
        const unread = state.unread.has(`${state.me} ${id}`);
        return h(
            "li",
            {},
            h(
                "button",
                {
                    type: "button",
                    class: unread ? "unread" : "",
                    "aria-current": active ? "page" : null,
                    onclick: () => {
                        open(id);
                        show("chat");
                    },
                },
                sign,
                name,
                unread ? h("span", { class: "unseen" }, " (new messages)") : null,
            ),
        );
    };
    const sidebar = get("sidebar");
    const held = sidebar.contains(document.activeElement);
    fill(
        sidebar,
        h("p", { class: "team" }, state.team),
        h("h2", {}, "Channels"),
        h("ul", {}, state.channels.filter((channel) => !channel.direct && channel.members.includes(state.me)).map((channel) => one(channel.id, channel.name, h("span", { class: "hash", "aria-hidden": "true" }, "#")))),
        h("h2", {}, "Direct messages"),
        h("ul", {}, one(talk?.id ?? "@otus", nameOf(state.robot), avatar(state.robot))),
        h("div", { class: "me" }, avatar(state.me), h("span", {}, h("b", {}, nameOf(state.me)), h("small", {}, state.people.find((person) => person.id === state.me)?.role ?? ""))),
    );
    if (held) /** @type {HTMLElement | null} */ (sidebar.querySelector("[aria-current]"))?.focus();
});

// Beside it.

/** The panels, in order: of the tour and the workbench there is one. */
let panels = ["tour", "cluster", "log"];

/** @param {string} panel */
function choose(panel) {
    document.body.dataset.panel = panel;
    for (const name of panels) {
        const tab = get(`tab-${name}`);
        tab.setAttribute("aria-selected", String(name === panel));
        tab.tabIndex = name === panel ? 0 : -1;
        get(`panel-${name}`).hidden = name !== panel;
    }
    if (panel === "log") get("panel-log").scrollTop = get("panel-log").scrollHeight;
}

/** On a narrow screen one thing is shown. @param {string} what */
function show(what) {
    document.body.dataset.show = what;
    if (what !== "chat") choose(what);
    for (const button of get("bottom").querySelectorAll("button")) {
        if (button.dataset.go === what) button.setAttribute("aria-current", "page");
        else button.removeAttribute("aria-current");
    }
}

for (const name of ["bench", ...panels]) {
    const tab = get(`tab-${name}`);
    tab.addEventListener("click", () => choose(name));
    tab.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 1, ArrowLeft: panels.length - 1 }[event.key];
        if (!by) return;
        const next = panels[(panels.indexOf(name) + by) % panels.length];
        choose(next);
        get(`tab-${next}`).focus();
    });
}
for (const button of get("bottom").querySelectorAll("button")) {
    button.addEventListener("click", () => show(button.dataset.go ?? "chat"));
}
on(["show"], () => show(document.body.dataset.show ?? "chat"));
tour();
cluster();
log();
choose("tour");
show("chat");

/** What the page is: a demo with its tour, or the workbench of somebody's own robot. @param {boolean} working */
function become(working) {
    const [here, gone] = working ? ["bench", "tour"] : ["tour", "bench"];
    if (panels[0] === here) return;
    panels = [here, "cluster", "log"];
    const kind = working ? "workbench" : "demo";
    document.title = `Otus ${kind}`;
    get("kind").textContent = kind;
    for (const [name, hidden] of /** @type {[string, boolean][]} */ ([[here, false], [gone, true]])) {
        get(`tab-${name}`).hidden = hidden;
        /** @type {HTMLElement | null} */ (get("bottom").querySelector(`[data-go=${name}]`))?.toggleAttribute("hidden", hidden);
    }
    get(`panel-${gone}`).hidden = true;
    if (document.body.dataset.panel === gone) choose(here);
}

bench(become, () => choose("bench"));

// Light and dark.

const THEMES = { auto: "◐ Auto", light: "☀ Light", dark: "☾ Dark" };

/** @param {keyof typeof THEMES} theme */
function paint(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    get("theme").textContent = THEMES[theme];
    get("theme").setAttribute("aria-label", `Colours: ${theme}. Press for others`);
}

/** @returns {keyof typeof THEMES} */
function theme() {
    const kept = localStorage.getItem("theme");
    return kept === "light" || kept === "dark" ? kept : "auto";
}

get("theme").addEventListener("click", () => {
    const all = /** @type {(keyof typeof THEMES)[]} */ (Object.keys(THEMES));
    const next = all[(all.indexOf(theme()) + 1) % all.length];
    localStorage.setItem("theme", next);
    paint(next);
});
paint(theme());

// What is heard.

listen(
    {
        start: store.start,
        news: store.news,
        cluster: (told) => {
            state.cluster = told;
            store.changed("cluster");
        },
        bench: (told) => {
            state.bench = told;
            store.changed("bench");
        },
    },
    (connected) => {
        get("connection").textContent = connected ? "" : "What served this page has ended, or cannot be reached. The page goes on when it is back.";
    },
);
