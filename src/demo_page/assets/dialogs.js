// @ts-check
// What comes before everything else: questions, forms of the robot, pictures.

import { announce, fill, h, toast } from "./dom.js";
import { blocks, text } from "./blocks.js";
import { act } from "./server.js";
import { nameOf, on, state } from "./state.js";

/**
 * Asks the question of a button that has one.
 * @param {any} question Block Kit's confirmation, or nothing
 * @returns {Promise<boolean>} whether to go on
 */
export function confirmed(question) {
    if (!question) return Promise.resolve(true);
    return new Promise((answer) => {
        const dialog = h("dialog", { class: "question", "aria-labelledby": "question-title" });
        const close = (/** @type {boolean} */ yes) => {
            answer(yes);
            dialog.close();
            dialog.remove();
        };
        fill(
            dialog,
            h("h2", { id: "question-title" }, text(question.title)),
            h("div", { class: "words" }, text(question.text)),
            h(
                "footer",
                {},
                h("button", { type: "button", class: "button", onclick: () => close(false) }, text(question.deny)),
                h("button", { type: "button", class: `button ${question.style === "danger" ? "danger-full" : "primary"}`, onclick: () => close(true) }, text(question.confirm)),
            ),
        );
        dialog.addEventListener("cancel", () => close(false));
        document.body.append(dialog);
        dialog.showModal();
    });
}

/**
 * Shows a picture as large as there is room.
 * @param {{src: string, alt: string, title: string}} picture
 */
export function enlarge(picture) {
    const dialog = h("dialog", { class: "lightbox", "aria-label": picture.title || "A picture" });
    const close = () => {
        dialog.close();
        dialog.remove();
    };
    fill(
        dialog,
        h("header", {}, h("h2", {}, picture.title), h("button", { type: "button", class: "quiet", "aria-label": "Close the picture", onclick: close }, "✕")),
        h("img", { src: picture.src, alt: picture.alt }),
        picture.alt ? h("p", {}, picture.alt) : null,
    );
    dialog.addEventListener("cancel", close);
    dialog.addEventListener("click", (event) => {
        if (event.target === dialog) close();
    });
    document.body.append(dialog);
    dialog.showModal();
}

/** The form that is open. @type {{id: string, hash: string, dialog: HTMLDialogElement, entered: Record<string, unknown>} | null} */
let form = null;

/** Shows the form of whoever is spoken as, if there is one. */
function show() {
    const view = state.views.get(state.me);
    if (!view) {
        form?.dialog.remove();
        form = null;
        return;
    }
    const before = form;
    if (before?.id === view.id && before?.hash === view.hash) return;
    const entered = before?.id === view.id ? before?.entered ?? {} : {};
    before?.dialog.remove();
    const dialog = h("dialog", { class: "form", "aria-labelledby": "form-title" });
    form = { id: view.id, hash: view.hash, dialog, entered };
    draw(view, dialog, entered, {});
    const leave = () => void done(act("close_view", { user: state.me }));
    dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        leave();
    });
    document.body.append(dialog);
    dialog.showModal();
    announce(`${view.title?.text ?? "A form"} is open for ${nameOf(state.me)}`);
}

/**
 * @param {any} view
 * @param {HTMLDialogElement} dialog
 * @param {Record<string, unknown>} entered by block
 * @param {Record<string, string>} errors by block
 */
function draw(view, dialog, entered, errors) {
    const user = state.me;
    const submit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        const answer = await done(act("submit", { user, values: entered }));
        const said = answer?.answer;
        if (said?.response_action === "errors") draw(view, dialog, entered, said.errors ?? {});
    };
    const leave = () => void done(act("close_view", { user }));
    fill(
        dialog,
        h(
            "form",
            { onsubmit: submit },
            h("header", {}, h("img", { src: "/owl.svg", alt: "", width: 24, height: 24 }), h("h2", { id: "form-title" }, text(view.title)), h("button", { type: "button", class: "quiet", "aria-label": "Close the form", onclick: leave }, "✕")),
            h(
                "div",
                { class: "form-blocks" },
                blocks((view.blocks ?? []).map((/** @type {any} */ block) => kept(block, entered)), {
                    act: (element, choice) => void done(act("click_in_view", { user, element: element.action_id, choice })),
                    suggest: async () => [],
                    enter: (block, element, value) => {
                        entered[block.type === "input" ? block.block_id : element.action_id] = value;
                    },
                    enlarge,
                    errors,
                }),
            ),
            h(
                "footer",
                {},
                h("button", { type: "button", class: "button", onclick: leave }, view.close ? text(view.close) : "Cancel"),
                view.submit ? h("button", { type: "submit", class: "button primary" }, text(view.submit)) : null,
            ),
        ),
    );
}

/**
 * An input that starts with what was entered already.
 * @param {any} block
 * @param {Record<string, unknown>} entered
 */
function kept(block, entered) {
    const value = entered[block.block_id];
    if (block.type !== "input" || value === undefined) return block;
    const element = { ...block.element };
    const of = (/** @type {any} */ option) => (Array.isArray(value) ? value.includes(option.value) : option.value === value);
    const options = [...(element.options ?? []), ...(element.option_groups ?? []).flatMap((/** @type {any} */ group) => group.options)];
    if (["static_select", "external_select", "radio_buttons"].includes(element.type)) element.initial_option = options.find(of);
    else if (["checkboxes", "multi_static_select", "multi_external_select"].includes(element.type)) element.initial_options = options.filter(of);
    else if (element.type === "users_select") element.initial_user = value;
    else if (element.type === "datepicker") element.initial_date = value;
    else if (element.type === "timepicker") element.initial_time = value;
    else element.initial_value = value;
    return { ...block, element };
}

/**
 * Says why something could not be done.
 * @template T
 * @param {Promise<T>} what
 * @returns {Promise<T | undefined>}
 */
export async function done(what) {
    try {
        return await what;
    } catch (error) {
        toast(error instanceof Error ? error.message : String(error), "bad");
        return undefined;
    }
}

on(["views", "people"], show);
