// @ts-check
// The emulated cluster: every service of every environment with its pods, and the buttons that cause trouble.

import { done } from "./dialogs.js";
import { fill, get, h, toast } from "./dom.js";
import { act } from "./server.js";
import { on, state } from "./state.js";

/** What a pod's state is called, and its sign: colour alone tells nothing to many. @type {Record<string, [string, string]>} */
const STATES = { ready: ["ready", "✓"], starting: ["starting", ""], failing: ["failing", "✕"], ending: ["ending", "–"] };

const troubles = h("div", { class: "troubles" });
const places = h("div", { class: "places" });

/** Puts the panel in its place. */
export function cluster() {
    fill(
        get("panel-cluster"),
        h("h3", {}, "Cause trouble"),
        troubles,
        h("h3", {}, "What runs"),
        h(
            "p",
            { class: "legend", "aria-hidden": "true" },
            Object.entries(STATES).map(([state, [name, sign]]) => h("span", {}, h("i", { class: `pod ${state}` }, sign), name)),
        ),
        places,
    );
    on(["tour"], () => fill(troubles, state.troubles.map(trouble)));
    on(["cluster"], draw);
}

/** Does a trouble, and says what it did. @param {string} id */
export async function cause(id) {
    const answer = await done(act("cause", { id }));
    if (answer) toast(answer.told);
    return Boolean(answer);
}

/** @param {import("./state.js").Trouble} one */
function trouble(one) {
    return h("button", { type: "button", class: "trouble", title: one.about, onclick: () => void cause(one.id) }, h("b", {}, one.label), h("small", {}, one.about));
}

/** The elements of services and pods, by name. @type {Map<string, HTMLElement>} */
const kept = new Map();

/** @param {string} key @param {() => HTMLElement} make */
function keep(key, make) {
    let one = kept.get(key);
    if (!one) kept.set(key, (one = make()));
    return one;
}

function draw() {
    const now = new Set();
    const use = (/** @type {string} */ key, /** @type {() => HTMLElement} */ make) => {
        now.add(key);
        return keep(key, make);
    };
    fill(
        places,
        state.cluster.map((place) => {
            const list = use(`${place.name}`, () => h("section", { class: "place", "aria-label": place.name }));
            fill(
                list,
                h("h4", {}, place.name),
                place.services.map((service) => {
                    const row = use(`${place.name}/${service.name}`, () => h("div", { class: "service" }));
                    const whole = service.ready === service.wanted && service.pods.length === service.wanted;
                    row.classList.toggle("busy", !whole);
                    /** @type {Map<string, import("./state.js").Pod[]>} */
                    const versions = new Map();
                    for (const pod of service.pods) versions.set(pod.version, [...(versions.get(pod.version) ?? []), pod]);
                    if (!versions.has(service.version)) versions.set(service.version, []);
                    fill(
                        row,
                        h("div", { class: "service-name" }, h("b", {}, service.name), h("small", {}, `${service.ready} of ${service.wanted} ready`)),
                        [...versions].map(([version, pods]) =>
                            h(
                                "div",
                                { class: "version" },
                                h("code", { class: version === service.version ? "wanted" : "" }, version),
                                h("span", { class: "pods", role: "img", "aria-label": heard(pods) }, pods.map((pod) => drawn(use(`pod/${pod.name}`, () => h("i", { class: "pod" })), pod))),
                            ),
                        ),
                    );
                    return row;
                }),
            );
            return list;
        }),
    );
    for (const key of kept.keys()) if (!now.has(key)) kept.delete(key);
}

/** @param {HTMLElement} shown @param {import("./state.js").Pod} pod */
function drawn(shown, pod) {
    const [name, sign] = STATES[pod.state] ?? [pod.state, "?"];
    const wanted = `pod ${pod.state}`;
    if (shown.className !== wanted) shown.className = wanted;
    const restarts = pod.restarts > 0 ? ` · ${pod.restarts === 1 ? "1 restart" : `${pod.restarts} restarts`}` : "";
    shown.title = `${pod.name}: ${pod.reason || name}${restarts}`;
    shown.textContent = pod.state === "failing" && pod.restarts > 0 ? String(pod.restarts) : sign;
    return shown;
}

/** @param {import("./state.js").Pod[]} pods */
function heard(pods) {
    if (pods.length === 0) return "no pods";
    return Object.entries(STATES)
        .map(([state, [name]]) => [pods.filter((pod) => pod.state === state).length, name])
        .filter(([count]) => count)
        .map(([count, name]) => `${count} ${name}`)
        .join(", ");
}
