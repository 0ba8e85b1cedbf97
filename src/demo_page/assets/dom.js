// @ts-check
// Making elements. Text is always text: nothing here, or anywhere on the page, takes markup from a string.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * An element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag its name
 * @param {Record<string, any>} [set] `on…` are listeners, `class` and names with a dash are attributes, others properties
 * @param {...(Child | Child[])} children what is in it
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, set = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else if (name === "class" || name === "role" || name === "for" || name.includes("-")) {
            made.setAttribute(name, value === true ? "" : String(value));
        } else /** @type {any} */ (made)[name] = value;
    }
    fill(made, ...children);
    return made;
}

/**
 * Puts children in, in place of what was there.
 * @param {Element} into
 * @param {...(Child | Child[])} children
 */
export function fill(into, ...children) {
    /** @type {(Node | string)[]} */
    const nodes = [];
    for (const child of children.flat()) {
        if (child === null || child === undefined || child === false) continue;
        nodes.push(child instanceof Node ? child : String(child));
    }
    into.replaceChildren(...nodes);
}

/**
 * The element of an id, which is in index.html.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function get(id) {
    const found = document.getElementById(id);
    if (!found) throw new Error(`index.html has no #${id}`);
    return found;
}

/**
 * Says something to those who hear the page.
 * @param {string} text
 */
export function announce(text) {
    get("announcer").textContent = text;
}

/**
 * Shows a few words for a while.
 * @param {string} text
 * @param {"good" | "bad"} tone
 */
export function toast(text, tone = "good") {
    const shown = h("p", { class: `toast ${tone}` }, text);
    get("toasts").append(shown);
    setTimeout(() => shown.remove(), 6_000);
}
