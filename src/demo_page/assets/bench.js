// @ts-check
// The workbench: whether the robot that is being worked on is built, what is wrong with it, and what it says to its log.

import { fill, get, h } from "./dom.js";
import { on, state } from "./state.js";

/** What a stage is called, and its sign. @type {Record<string, [string, string]>} */
const STAGES = {
    building: ["Building", "…"],
    refused: ["Not built", "✕"],
    starting: ["Starting", "…"],
    up: ["Running", "✓"],
    down: ["Ended", "✕"],
};

let stage = "";

/**
 * Puts the panel in its place.
 * @param {(shown: boolean) => void} shown whether there is a workbench, whenever that is known
 * @param {() => void} open shows the panel
 */
export function bench(shown, open) {
    const panel = get("panel-bench");
    const what = h("p", { class: "about" });
    const told = h("p", { class: "bench-told" });
    const output = h("pre", { class: "lines", tabindex: "0", "aria-label": "What the build says" });
    const log = h("pre", { class: "lines wrapped", tabindex: "0", "aria-label": "What the robot says" });
    const built = h("section", {}, h("h3", {}, "The build"), output);
    const said = h("section", {}, h("h3", {}, "The robot's log"), log);
    fill(panel, what, told, built, said);
    on(["bench"], () => {
        const now = state.bench;
        shown(now !== null);
        if (!now) return;
        const [name, sign] = STAGES[now.stage] ?? [now.stage, "?"];
        const chip = get("stage");
        chip.className = `stage ${now.stage}`;
        const words = `${sign} ${name}`;
        if (chip.textContent !== words) chip.textContent = words;
        what.textContent = now.what;
        told.textContent = now.told;
        told.className = `bench-told ${now.stage}`;
        write(output, now.output);
        built.hidden = now.output === "";
        write(log, now.log.join("\n"));
        said.hidden = now.log.length === 0;
        if (stage !== now.stage) {
            // What is wrong is shown; what goes well is left to the sign in the corner, which is read out, too.
            if (now.stage === "refused" || now.stage === "down") open();
            stage = now.stage;
        }
    });
}

/** Writes lines; whoever looks at the last ones goes on doing so. @param {HTMLElement} into @param {string} text */
function write(into, text) {
    if (into.textContent === text) return;
    const end = into.scrollHeight - into.scrollTop - into.clientHeight < 40;
    into.textContent = text;
    if (end) into.scrollTop = into.scrollHeight;
}
