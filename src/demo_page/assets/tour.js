// @ts-check
// The guided tour: each act is done by its button, and is over when the robot has said what it waits for.

import { cause } from "./cluster.js";
import { done } from "./dialogs.js";
import { announce, fill, get, h, toast } from "./dom.js";
import { mrkdwn } from "./blocks.js";
import { act } from "./server.js";
import { changed, nameOf, on, open, openThread, speakAs, state } from "./state.js";

/** @typedef {import("./state.js").Act} Act */

/** The acts under way and over, by `step.act`. @type {Map<string, {since: number, over: boolean}>} */
const begun = new Map();
/** Which step is open. */
let at = 0;

/** Puts the panel in its place. */
export function tour() {
    on(["tour", "people"], draw);
    on(["messages"], () => {
        let news = false;
        for (const [key, one] of begun) {
            if (one.over) continue;
            const [step, n] = key.split(".").map(Number);
            const answer = said(state.tour[step]?.acts[n]?.until ?? "", one.since);
            if (!answer) continue;
            // What was said in a thread is shown there.
            if (answer.thread_ts && answer.thread_ts !== answer.ts && !answer.broadcast) openThread(answer.thread_ts);
            one.over = true;
            news = true;
            announce("Done");
        }
        if (news) draw();
    });
}

/** The message in which the robot said these words since. @param {string} words @param {number} since */
function said(words, since) {
    for (const [ts, when] of state.changed) {
        if (when <= since) continue;
        const message = state.messages.get(ts);
        if (message?.from_app && read(message).includes(words)) return message;
    }
    return null;
}

/** Everything a person reads in a message, without marks. @param {import("./state.js").Message} message */
function read(message) {
    /** @type {string[]} */
    const texts = [message.text, ...message.files.map((file) => file.title)];
    const walk = (/** @type {any} */ value) => {
        if (Array.isArray(value)) value.forEach(walk);
        else if (value && typeof value === "object") {
            for (const [key, inside] of Object.entries(value)) {
                if (key === "text" && typeof inside === "string") texts.push(inside);
                else walk(inside);
            }
        }
    };
    walk(message.blocks);
    return texts.map((text) => h("span", {}, mrkdwn(text)).textContent).join("\n");
}

function draw() {
    const panel = get("panel-tour");
    if (state.tour.length === 0) return fill(panel, h("p", { class: "about" }, "There is no tour here."));
    const active = /** @type {HTMLElement | null} */ (panel.contains(document.activeElement) ? document.activeElement : null)?.dataset.key;
    fill(
        panel,
        h("p", { class: "about" }, `${state.tour.length} steps. Every button says or presses something in the chat; the robot cannot tell it from people.`),
        h("ol", { class: "steps" }, state.tour.map(step)),
    );
    if (active) /** @type {HTMLElement | null} */ (panel.querySelector(`[data-key="${active}"]`))?.focus();
}

/** @param {import("./state.js").Step} one @param {number} n */
function step(one, n) {
    const over = one.acts.filter((_, m) => begun.get(`${n}.${m}`)?.over).length;
    const whole = over === one.acts.length;
    const next = one.acts.findIndex((_, m) => !begun.get(`${n}.${m}`)?.over);
    const isOpen = n === at;
    return h(
        "li",
        { class: `step${whole ? " over" : ""}${isOpen ? " open" : ""}` },
        h(
            "h3",
            {},
            h(
                "button",
                { type: "button", "data-key": `step-${n}`, "aria-expanded": String(isOpen), onclick: () => { at = isOpen ? -1 : n; draw(); } },
                h("span", { class: "number", "aria-hidden": "true" }, whole ? "✓" : String(n + 1)),
                h("span", {}, one.title),
                h("small", {}, whole ? "done" : over > 0 ? `${over} of ${one.acts.length}` : ""),
            ),
        ),
        isOpen
            ? h(
                  "div",
                  { class: "step-body" },
                  h("p", {}, mrkdwn(one.about)),
                  h("ol", { class: "acts" }, one.acts.map((deed, m) => deedOf(deed, `${n}.${m}`, m === next))),
                  whole && n + 1 < state.tour.length ? h("button", { type: "button", class: "button primary", "data-key": "next", onclick: () => { at = n + 1; draw(); } }, `Next: ${state.tour[n + 1].title}`) : null,
                  whole && n + 1 === state.tour.length ? h("p", { class: "end" }, "That was the tour. Say @otus help for all the rest.") : null,
              )
            : null,
    );
}

/** @param {Act} one @param {string} key @param {boolean} next */
function deedOf(one, key, next) {
    const how = begun.get(key);
    const stage = how?.over ? "over" : how ? "doing" : next ? "next" : "later";
    const { deed } = one;
    const words =
        deed.kind === "say"
            ? [h("small", {}, `${person(deed.who)} says`), h("span", {}, deed.text)]
            : deed.kind === "press"
              ? [h("small", {}, `${person(deed.who)} presses`), h("span", {}, deed.label)]
              : [h("small", {}, "Trouble"), h("span", {}, deed.label)];
    const sign = { over: "✓", doing: "…", next: "▶", later: "▶" }[stage];
    return h(
        "li",
        { class: stage },
        h(
            "button",
            { type: "button", "data-key": key, onclick: () => void go(one, key), "aria-label": `${words.map((word) => word.textContent).join(" ")}${how?.over ? ", done" : how ? ", under way" : ""}` },
            h("span", { class: "sign", "aria-hidden": "true" }, sign),
            h("span", { class: "deed" }, words),
        ),
        one.look ? h("p", { class: "look" }, mrkdwn(one.look)) : null,
    );
}

/** @param {string} name */
function person(name) {
    const found = state.people.find((one) => one.name === name);
    return found ? nameOf(found.id) : name;
}

/** Does it. @param {Act} one @param {string} key */
async function go(one, key) {
    const { deed } = one;
    const since = state.clock;
    const start = () => {
        begun.set(key, { since, over: false });
        draw();
    };
    document.body.dataset.show = "chat";
    changed("show");
    if (deed.kind === "cause") {
        start();
        if (!(await cause(deed.trouble))) begun.delete(key);
        return draw();
    }
    const who = state.people.find((one) => one.name === deed.who)?.id ?? state.me;
    speakAs(who);
    open(state.home);
    if (deed.kind === "say") {
        start();
        if (!(await done(act("say", { user: who, channel: state.home, text: deed.text })))) begun.delete(key);
        return draw();
    }
    const found = button(deed.label);
    if (!found) return toast(`There is no button “${deed.label}” in the channel yet: do what comes before it first.`, "bad");
    start();
    if (!(await done(act("click", { user: who, ts: found.ts, element: found.element })))) begun.delete(key);
    draw();
}

/** The newest button with this label. @param {string} label */
function button(label) {
    const all = [...state.messages.values()].filter((message) => message.channel === state.home).sort((one, other) => Number(other.ts) - Number(one.ts));
    for (const message of all) {
        for (const block of message.blocks) {
            for (const element of [...(block.elements ?? []), block.accessory]) {
                if (element?.type === "button" && element.text?.text === label) return { ts: message.ts, element: element.action_id };
            }
        }
    }
    return null;
}
