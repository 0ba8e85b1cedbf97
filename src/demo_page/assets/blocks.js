// @ts-check
// Block Kit (docs.slack.dev/reference/block-kit) as elements of the page.

import { h } from "./dom.js";
import { interactive } from "./elements.js";
import { emoji } from "./emoji.js";
import { elements as marked, parse, safe } from "./mrkdwn.js";
import { nameOf, state } from "./state.js";

/**
 * Where blocks are shown, and what becomes of what people do there.
 * @typedef {object} Surface
 * @property {(element: any, choice?: unknown) => void} act something was pressed or chosen
 * @property {(element: any, text: string) => Promise<any[]>} suggest options for what was typed
 * @property {(block: any, element: any, value: unknown) => void} [enter] something was entered in a form
 * @property {(picture: {src: string, alt: string, title: string}) => void} enlarge a picture is looked at
 * @property {Record<string, string>} [errors] what is wrong with what was entered, by block
 */

export const names = {
    user: nameOf,
    channel: (/** @type {string} */ id) => state.channels.find((channel) => channel.id === id)?.name ?? id,
};

/**
 * Marked-up text.
 * @param {string} text
 */
export function mrkdwn(text) {
    return marked(parse(text), names);
}

/**
 * A text object: `plain_text` has emoji, `mrkdwn` all.
 * @param {any} text
 * @returns {Node[]}
 */
export function text(text) {
    if (!text) return [];
    if (text.type === "mrkdwn") return mrkdwn(text.text);
    const words = text.emoji === false ? text.text : text.text.replaceAll(/:([a-z0-9_+'-]+):/g, named);
    return [document.createTextNode(words)];
}

/** @param {string} whole @param {string} name */
function named(whole, name) {
    const known = emoji(name);
    return known.startsWith(":") ? whole : known;
}

/**
 * Blocks, each in an element of its own.
 * @param {any[]} all
 * @param {Surface} surface
 * @returns {HTMLElement[]}
 */
export function blocks(all, surface) {
    return all.map((one) => h("div", { class: `block ${kind(one)}` }, block(one, surface)));
}

/** @param {any} one */
function kind(one) {
    return String(one.type ?? "").replaceAll(/[^a-z_]/g, "");
}

/**
 * @param {any} one
 * @param {Surface} surface
 * @returns {(Node | null)[]}
 */
function block(one, surface) {
    switch (one.type) {
        case "section":
            return [
                h(
                    "div",
                    { class: "section-words" },
                    one.text ? h("div", { class: "words" }, text(one.text)) : null,
                    one.fields ? h("div", { class: "fields" }, one.fields.map((/** @type {any} */ field) => h("div", { class: "words" }, text(field)))) : null,
                ),
                one.accessory ? h("div", { class: "accessory" }, piece(one, one.accessory, surface)) : null,
            ];
        case "header":
            return [h("h4", {}, text(one.text))];
        case "divider":
            return [h("hr")];
        case "context":
            return one.elements.map((/** @type {any} */ item) =>
                item.type === "image"
                    ? h("img", { src: local(item), alt: item.alt_text, class: "tiny" })
                    : h("div", { class: "words" }, text(item)),
            );
        case "actions":
            return one.elements.map((/** @type {any} */ item) => piece(one, item, surface));
        case "image":
            return [
                one.title ? h("p", { class: "title" }, text(one.title)) : null,
                picture({ src: local(one), alt: one.alt_text, title: one.title?.text ?? "" }, surface),
            ];
        case "input":
            return input(one, surface);
        case "rich_text":
            return one.elements.map(rich);
        case "markdown":
            return [h("div", { class: "words" }, mrkdwn(one.text))];
        case "table":
            return [table(one)];
        case "video":
            return [link(one.title_url ?? one.video_url, one.title?.text ?? one.alt_text)];
        default:
            return [h("p", { class: "unknown" }, `A block of the kind “${one.type}”, which this page does not show.`)];
    }
}

/** An element in a block: interactive, or a picture. @param {any} block @param {any} item @param {Surface} surface */
function piece(block, item, surface) {
    if (item.type === "image") return picture({ src: local(item), alt: item.alt_text, title: "" }, surface);
    return interactive(block, item, surface);
}

/**
 * Pictures from elsewhere are not fetched: nothing leaves this machine.
 * @param {any} image a block or an element
 */
function local(image) {
    const { id, url } = image.slack_file ?? { url: image.image_url };
    const file = id ?? /\/files-pri\/[^/]+-(F[A-Z0-9]+)\//.exec(url ?? "")?.[1];
    return file ? `/api/files/${encodeURIComponent(file)}` : "/owl.svg";
}

/**
 * A picture that opens large.
 * @param {{src: string, alt: string, title: string}} shown
 * @param {Pick<Surface, "enlarge">} surface
 */
export function picture(shown, surface) {
    return h(
        "button",
        { type: "button", class: "picture", onclick: () => surface.enlarge(shown), "aria-label": `Open large: ${shown.alt || shown.title || "a picture"}` },
        h("img", { src: shown.src, alt: "", loading: "lazy" }),
    );
}

/** @param {any} one @param {Surface} surface */
function input(one, surface) {
    const label = h("span", { class: "label" }, text(one.label), one.optional ? h("span", { class: "optional" }, " (optional)") : null);
    const error = surface.errors?.[one.block_id];
    const grouped = ["radio_buttons", "checkboxes"].includes(one.element?.type);
    return [
        h(grouped ? "div" : "label", { class: "input", role: grouped ? "group" : null, "aria-label": grouped ? one.label?.text : null }, label, interactive(one, one.element, surface)),
        one.hint ? h("p", { class: "hint" }, text(one.hint)) : null,
        error ? h("p", { class: "error", role: "alert" }, error) : null,
    ];
}

/** @param {string} url @param {string} words */
function link(url, words) {
    return safe(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words) : h("span", {}, words);
}

/** @param {any} one */
function table(one) {
    const cell = (/** @type {any} */ item) => (item.type === "rich_text" ? item.elements.map(rich) : [String(item.text ?? "")]);
    const [head, ...rows] = one.rows ?? [];
    return h(
        "table",
        {},
        h("thead", {}, h("tr", {}, (head ?? []).map((/** @type {any} */ item) => h("th", { scope: "col" }, cell(item))))),
        h("tbody", {}, rows.map((/** @type {any[]} */ row) => h("tr", {}, row.map((item) => h("td", {}, cell(item)))))),
    );
}

/** A part of rich text. @param {any} part @returns {HTMLElement} */
function rich(part) {
    const inside = () => part.elements.map(bit);
    switch (part.type) {
        case "rich_text_quote":
            return h("blockquote", {}, inside());
        case "rich_text_preformatted":
            return h("pre", {}, inside());
        case "rich_text_list":
            return h(part.style === "ordered" ? "ol" : "ul", {}, part.elements.map((/** @type {any} */ item) => h("li", {}, rich(item))));
        default:
            return h("div", { class: "words" }, inside());
    }
}

/** A bit of rich text. @param {any} bit @returns {Node} */
function bit(bit) {
    switch (bit.type) {
        case "user":
            return h("span", { class: bit.user_id === state.me ? "mention me" : "mention" }, `@${nameOf(bit.user_id)}`);
        case "usergroup":
            return h("span", { class: "mention" }, `@${bit.usergroup_id}`);
        case "channel":
            return h("span", { class: "mention" }, `#${names.channel(bit.channel_id)}`);
        case "broadcast":
            return h("span", { class: "mention loud" }, `@${bit.range}`);
        case "link":
            return link(bit.url, bit.text ?? bit.url);
        case "emoji":
            return h("span", { class: "emoji", role: "img", "aria-label": bit.name }, emoji(bit.name));
        default: {
            /** @type {Node} */
            let made = document.createTextNode(bit.text ?? "");
            const style = bit.style ?? {};
            if (style.code) made = h("code", {}, made);
            if (style.bold) made = h("strong", {}, made);
            if (style.italic) made = h("em", {}, made);
            if (style.strike) made = h("s", {}, made);
            return made;
        }
    }
}
