// @ts-check
// What went over the wire between the robot and the emulated Slack, as it happens.

import { fill, get, h } from "./dom.js";
import { on, state } from "./state.js";

/** The ways, their signs and what they mean. @type {Record<string, [string, string]>} */
const WAYS = { out: ["→", "to the robot"], in: ["←", "from the robot"], note: ["·", "in Slack"], failed: ["!", "went wrong"] };

const list = h("ol", { class: "log" });
let shown = 0;

/** Puts the panel in its place. */
export function log() {
    const panel = get("panel-log");
    fill(
        panel,
        h("p", { class: "about" }, "What goes over the wire between the robot and Slack, which is emulated, by the real protocol."),
        h("p", { class: "legend" }, Object.values(WAYS).map(([sign, name]) => h("span", {}, h("b", {}, sign), ` ${name}`))),
        list,
    );
    on(["log"], () => {
        const bottom = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 60;
        const first = state.log[0]?.n ?? 0;
        const last = state.log.at(-1)?.n ?? 0;
        // Another demo, after a break.
        if (last < shown) {
            fill(list);
            shown = 0;
        }
        list.append(...state.log.filter((entry) => entry.n > shown).map(row));
        while (list.firstElementChild && Number(/** @type {HTMLElement} */ (list.firstElementChild).dataset.n) < first) list.firstElementChild.remove();
        shown = last;
        if (bottom) panel.scrollTop = panel.scrollHeight;
    });
}

/** @param {import("./state.js").Entry} entry */
function row(entry) {
    const [sign, meaning] = WAYS[entry.way] ?? WAYS.note;
    return h("li", { class: entry.way, "data-n": entry.n }, h("span", { class: "way", role: "img", "aria-label": meaning, title: meaning }, sign), h("b", {}, entry.name), h("span", { class: "more" }, entry.more));
}
