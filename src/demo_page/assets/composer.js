// @ts-check
// Where one writes: as whom, what, with completion of names. Enter sends, Shift and Enter begins a line.

import { done } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { avatar } from "./messages.js";
import { act } from "./server.js";
import { on, speakAs, state } from "./state.js";

/** @typedef {{insert: string, label: string, about: string, user?: string}} Offer */

/** How many names are offered. */
const OFFERED = 8;

/**
 * A composer.
 * @param {HTMLElement} into
 * @param {string} id of the field
 * @param {() => {channel: string, thread: string | null, placeholder: string}} where
 */
export function composer(into, id, where) {
    /** @type {Offer[]} */
    let offers = [];
    let chosen = 0;
    let last = "";
    const list = h("ul", { class: "offers", role: "listbox", id: `${id}-offers`, "aria-label": "Names", hidden: true });
    const field = h("textarea", {
        id,
        rows: 1,
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-controls": list.id,
        "aria-expanded": "false",
        spellcheck: false,
        oninput: () => {
            grow();
            offer();
        },
        onkeydown: key,
        onblur: () => close(),
    });
    const send = h("button", { type: "button", class: "send", "aria-label": "Send", title: "Send (Enter)", onclick: () => void say() }, "➤");
    const who = h("div", { class: "who", role: "radiogroup", "aria-label": "Speak as" });
    fill(into, h("div", { class: "composer" }, list, who, h("div", { class: "field" }, field, send)));

    function grow() {
        field.style.height = "auto";
        field.style.height = `${Math.min(field.scrollHeight, 180)}px`;
    }

    async function say() {
        const text = field.value.trim();
        if (!text) return;
        const { channel, thread } = where();
        last = field.value;
        field.value = "";
        grow();
        close();
        const answer = await done(act("say", { user: state.me, channel, text, thread }));
        if (!answer && !field.value) field.value = last;
    }

    /** The name that is being typed, and where it begins. */
    function typing() {
        const before = field.value.slice(0, field.selectionStart);
        const found = /(^|\s)([@#][\p{L}\p{N}_-]*|\/[a-z]*)$/u.exec(before);
        if (!found || (found[2].startsWith("/") && found.index !== 0)) return null;
        return { begin: before.length - found[2].length, typed: found[2].toLowerCase() };
    }

    function offer() {
        const now = typing();
        offers = now ? all(now.typed).slice(0, OFFERED) : [];
        chosen = 0;
        if (offers.length === 0) return close();
        fill(
            list,
            offers.map((one, n) =>
                h(
                    "li",
                    // With the mouse's button down the field would lose the focus, and the list be gone.
                    { role: "option", id: `${id}-offer-${n}`, onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); chosen = n; take(); } },
                    one.user ? avatar(one.user) : null,
                    h("b", {}, one.label),
                    h("span", {}, one.about),
                ),
            ),
        );
        list.hidden = false;
        field.setAttribute("aria-expanded", "true");
        mark();
    }

    function mark() {
        [...list.children].forEach((one, n) => one.setAttribute("aria-selected", String(n === chosen)));
        field.setAttribute("aria-activedescendant", `${id}-offer-${chosen}`);
    }

    function close() {
        list.hidden = true;
        offers = [];
        field.setAttribute("aria-expanded", "false");
        field.removeAttribute("aria-activedescendant");
    }

    function take() {
        const now = typing();
        if (!now) return close();
        const rest = field.value.slice(field.selectionStart);
        const put = `${field.value.slice(0, now.begin)}${offers[chosen].insert} `;
        field.value = put + rest.trimStart();
        field.setSelectionRange(put.length, put.length);
        close();
        grow();
    }

    /** @param {KeyboardEvent} event */
    function key(event) {
        if (event.isComposing) return;
        const open = offers.length > 0;
        if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
            chosen = (chosen + (event.key === "ArrowDown" ? 1 : offers.length - 1)) % offers.length;
            mark();
        } else if (open && (event.key === "Enter" || event.key === "Tab")) take();
        else if (open && event.key === "Escape") close();
        else if (event.key === "Enter" && !event.shiftKey) void say();
        else if (event.key === "ArrowUp" && field.value === "" && last) {
            field.value = last;
            grow();
        } else return;
        event.preventDefault();
    }

    function people() {
        fill(
            who,
            state.people.map((person) =>
                h(
                    "button",
                    {
                        type: "button",
                        role: "radio",
                        "aria-checked": String(person.id === state.me),
                        tabIndex: person.id === state.me ? 0 : -1,
                        "data-person": person.id,
                        onclick: () => speakAs(person.id),
                        onkeydown: (/** @type {KeyboardEvent} */ event) => step(event),
                    },
                    avatar(person.id),
                    h("span", {}, state.users.get(person.id)?.real_name ?? person.name),
                    h("small", {}, person.role),
                ),
            ),
        );
    }

    /** The arrows choose among radio buttons. @param {KeyboardEvent} event */
    function step(event) {
        const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const at = state.people.findIndex((person) => person.id === state.me);
        speakAs(state.people[(at + by + state.people.length) % state.people.length].id);
        queueMicrotask(() => queueMicrotask(() => /** @type {HTMLElement | null} */ (who.querySelector("[aria-checked=true]"))?.focus()));
    }

    on(["people", "channels", "messages"], () => {
        if (who.dataset.me !== `${state.me} ${state.people.length}`) {
            who.dataset.me = `${state.me} ${state.people.length}`;
            people();
        }
        field.placeholder = where().placeholder;
        field.setAttribute("aria-label", where().placeholder);
    });
}

/**
 * Names that begin like this.
 * @param {string} typed with its `@`, `#` or `/`
 * @returns {Offer[]}
 */
function all(typed) {
    const words = typed.slice(1);
    if (typed.startsWith("/")) {
        return "otus".startsWith(words) ? [{ insert: "/otus", label: "/otus", about: "a command; only you see that it was typed" }] : [];
    }
    if (typed.startsWith("#")) {
        return state.channels
            .filter((channel) => !channel.direct && channel.name.startsWith(words))
            .map((channel) => ({ insert: `#${channel.name}`, label: `#${channel.name}`, about: "" }));
    }
    return [...state.users.values()]
        .filter((user) => user.name.startsWith(words) || user.real_name.toLowerCase().startsWith(words))
        .sort((one, other) => Number(other.is_bot) - Number(one.is_bot))
        .map((user) => ({
            insert: `@${user.name}`,
            label: user.real_name,
            about: user.is_bot ? "the robot" : (state.people.find((person) => person.id === user.id)?.role ?? ""),
            user: user.id,
        }));
}
