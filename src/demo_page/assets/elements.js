// @ts-check
// Block Kit's interactive elements: buttons, menus, fields. What is chosen goes to the surface they are on.

import { confirmed } from "./dialogs.js";
import { h } from "./dom.js";
import { text } from "./blocks.js";
import { safe } from "./mrkdwn.js";
import { state } from "./state.js";

/** @typedef {import("./blocks.js").Surface} Surface */

/**
 * @param {any} block
 * @param {any} element
 * @param {Surface} surface
 * @returns {HTMLElement}
 */
export function interactive(block, element, surface) {
    const form = block.type === "input";
    const key = `${block.block_id}/${element.action_id}`;
    const label = element.text?.text ?? element.placeholder?.text ?? block.label?.text ?? "";
    /** What was chosen is told at once, but for a field of a form. @param {unknown} value */
    const chose = async (value) => {
        surface.enter?.(block, element, value);
        if (form && !block.dispatch_action) return;
        if (value === "" || value === null) return;
        if (await confirmed(element.confirm)) surface.act(element, value);
    };
    const named = { "data-key": key, "aria-label": form ? null : label || "Choose" };
    switch (element.type) {
        case "button":
        case "workflow_button":
            return button(element, key, surface);
        case "static_select":
            return select(named, element, options(element), element.initial_option?.value, chose);
        case "users_select":
            return select(named, element, people(), element.initial_user, chose);
        case "channels_select":
        case "conversations_select":
            return select(named, element, channels(), element.initial_channel ?? element.initial_conversation, chose);
        case "overflow":
            return select({ ...named, class: "overflow", "aria-label": "More" }, { placeholder: { text: "⋯" } }, options(element), undefined, chose);
        case "external_select":
            return external(named, element, surface, chose);
        case "multi_static_select":
        case "multi_external_select":
            return several(named, element, options(element), initial(element), chose);
        case "multi_users_select":
            return several(named, element, people(), element.initial_users ?? [], chose);
        case "multi_channels_select":
        case "multi_conversations_select":
            return several(named, element, channels(), element.initial_channels ?? element.initial_conversations ?? [], chose);
        case "checkboxes":
            return several(named, element, options(element), initial(element), chose);
        case "radio_buttons":
            return radios(key, element, chose);
        case "datepicker":
            return field(named, "date", element.initial_date, chose);
        case "timepicker":
            return field(named, "time", element.initial_time, chose);
        case "datetimepicker":
            return field(named, "datetime-local", undefined, (value) => chose(Math.floor(new Date(String(value)).getTime() / 1000)));
        case "number_input":
            return field({ ...named, step: element.is_decimal_allowed ? "any" : "1", min: element.min_value, max: element.max_value }, "number", element.initial_value, chose);
        case "email_text_input":
            return field(named, "email", element.initial_value, chose);
        case "url_text_input":
            return field(named, "url", element.initial_value, chose);
        case "plain_text_input":
            return words(named, element, chose);
        default:
            return h("span", { class: "unknown" }, `an element of the kind “${element.type}”`);
    }
}

/** @param {any} element @param {string} key @param {Surface} surface */
function button(element, key, surface) {
    const press = async () => {
        if (await confirmed(element.confirm)) surface.act(element);
    };
    const set = { class: `button ${element.style ?? ""}`, "data-key": key, "aria-label": element.accessibility_label };
    if (element.url && safe(element.url)) {
        return h("a", { ...set, href: element.url, target: "_blank", rel: "noopener noreferrer", onclick: press }, text(element.text));
    }
    return h("button", { ...set, type: "button", onclick: press }, text(element.text));
}

/** @typedef {{value: string, label: string, about?: string, group?: string}} Option */

/** The options of a menu, in order. @param {any} element @returns {Option[]} */
function options(element) {
    const one = (/** @type {any} */ option, /** @type {string | undefined} */ group) => ({
        value: option.value,
        label: option.text.text,
        about: option.description?.text,
        group,
    });
    const grouped = (element.option_groups ?? []).flatMap((/** @type {any} */ group) =>
        group.options.map((/** @type {any} */ option) => one(option, group.label.text)),
    );
    return [...(element.options ?? []).map((/** @type {any} */ option) => one(option, undefined)), ...grouped];
}

/** @param {any} element @returns {string[]} */
function initial(element) {
    return (element.initial_options ?? []).map((/** @type {any} */ option) => option.value);
}

/** @returns {Option[]} */
function people() {
    return [...state.users.values()].map((user) => ({ value: user.id, label: user.real_name }));
}

/** @returns {Option[]} */
function channels() {
    return state.channels.filter((channel) => !channel.direct).map((channel) => ({ value: channel.id, label: `#${channel.name}` }));
}

/**
 * @param {Record<string, any>} set
 * @param {any} element
 * @param {Option[]} all
 * @param {string | undefined} first
 * @param {(value: string) => void} chose
 */
function select(set, element, all, first, chose) {
    const made = h("select", { ...set, onchange: () => chose(made.value) });
    made.append(h("option", { value: "" }, element.placeholder?.text ?? "Choose…"));
    /** @type {Map<string, HTMLOptGroupElement>} */
    const groups = new Map();
    for (const option of all) {
        const item = h("option", { value: option.value }, option.about ? `${option.label} – ${option.about}` : option.label);
        if (option.group === undefined) {
            made.append(item);
            continue;
        }
        let group = groups.get(option.group);
        if (!group) {
            group = h("optgroup", { label: option.group });
            groups.set(option.group, group);
            made.append(group);
        }
        group.append(item);
    }
    made.value = first ?? "";
    return made;
}

/**
 * A menu whose options the app supplies for what is typed.
 * @param {Record<string, any>} set
 * @param {any} element
 * @param {Surface} surface
 * @param {(value: string) => void} chose
 */
function external(set, element, surface, chose) {
    const id = `options-${crypto.randomUUID()}`;
    const list = h("datalist", { id });
    /** @type {any[]} */
    let known = [];
    const typed = h("input", {
        ...set,
        type: "text",
        list: null,
        placeholder: element.placeholder?.text ?? "Type to find…",
        oninput: async () => {
            const found = known.find((option) => option.text.text === typed.value);
            if (found) return chose(found.value);
            if (typed.value.length < (element.min_query_length ?? 3)) return;
            known = await surface.suggest(element, typed.value);
            list.replaceChildren(...known.map((option) => h("option", { value: option.text.text })));
        },
    });
    typed.setAttribute("list", id);
    return h("span", {}, typed, list);
}

/**
 * Boxes to check, of which several can be.
 * @param {Record<string, any>} set
 * @param {any} element
 * @param {Option[]} all
 * @param {string[]} first
 * @param {(value: string[]) => void} chose
 */
function several(set, element, all, first, chose) {
    const boxes = all.map((option) => h("input", { type: "checkbox", value: option.value, checked: first.includes(option.value), "data-key": `${set["data-key"]}/${option.value}` }));
    const told = () => chose(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const box of boxes) box.addEventListener("change", told);
    return h(
        "span",
        { class: "choices", role: "group", "aria-label": set["aria-label"] ?? element.placeholder?.text ?? null },
        all.map((option, n) => h("label", {}, boxes[n], h("span", {}, option.label, option.about ? h("small", {}, option.about) : null))),
    );
}

/**
 * @param {string} key
 * @param {any} element
 * @param {(value: string) => void} chose
 */
function radios(key, element, chose) {
    return h(
        "span",
        { class: "choices", role: "radiogroup" },
        options(element).map((option) =>
            h(
                "label",
                {},
                h("input", {
                    type: "radio",
                    name: key,
                    value: option.value,
                    checked: element.initial_option?.value === option.value,
                    "data-key": `${key}/${option.value}`,
                    onchange: () => chose(option.value),
                }),
                h("span", {}, option.label, option.about ? h("small", {}, option.about) : null),
            ),
        ),
    );
}

/**
 * @param {Record<string, any>} set
 * @param {string} type
 * @param {string | undefined} first
 * @param {(value: string) => void} chose
 */
function field(set, type, first, chose) {
    const made = h("input", { ...set, type, value: first ?? "", onchange: () => chose(made.value) });
    return made;
}

/**
 * @param {Record<string, any>} set
 * @param {any} element
 * @param {(value: string) => void} chose
 */
function words(set, element, chose) {
    const about = { ...set, value: element.initial_value ?? "", placeholder: element.placeholder?.text ?? "", maxlength: element.max_length };
    if (element.multiline) {
        const made = h("textarea", { ...about, rows: 4, onchange: () => chose(made.value) });
        return made;
    }
    const made = h("input", { ...about, type: "text", onchange: () => chose(made.value) });
    return made;
}
