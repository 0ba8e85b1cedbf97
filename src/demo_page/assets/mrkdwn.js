// @ts-check
// Slack's mrkdwn (docs.slack.dev, "Formatting message text"): read into a tree, and the tree into elements. Words stay words: what
// comes in is escaped by `&amp;`, `&lt;` and `&gt;`, and only tokens in angle brackets mean something.

import { emoji } from "./emoji.js";

/**
 * @typedef {{t: "text" | "code" | "pre", v: string} | {t: "b" | "i" | "s" | "quote", c: Piece[]} | {t: "br"}
 *   | {t: "user" | "group" | "emoji" | "broadcast", v: string} | {t: "channel", v: string, label: string}
 *   | {t: "link", url: string, label: string} | {t: "date", at: number, format: string, label: string}} Piece
 */

/** @type {Record<string, "b" | "i" | "s">} */
const MARKS = { "*": "b", _: "i", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;

/**
 * Undoes Slack's escaping.
 * @param {string} text
 */
export function plain(text) {
    return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/**
 * Reads a text.
 * @param {string} text
 * @returns {Piece[]}
 */
export function parse(text) {
    /** @type {Piece[]} */
    const pieces = [];
    let rest = text;
    for (;;) {
        const fence = /```([\s\S]+?)```/.exec(rest);
        if (!fence) break;
        lines(rest.slice(0, fence.index).replace(/\n$/, ""), pieces);
        pieces.push({ t: "pre", v: plain(fence[1].replace(/^\n/, "").replace(/\n$/, "").replace(TOKEN, shown)) });
        rest = rest.slice(fence.index + fence[0].length).replace(/^\n/, "");
    }
    lines(rest, pieces);
    return pieces;
}

/** A token in angle brackets. */
const TOKEN = /<([^<>\n]+)>/g;

/** A token where nothing is formatted: its label, or what it names. @param {string} _ @param {string} inside */
function shown(_, inside) {
    const [name, label] = inside.split("|");
    return label ?? name;
}

/**
 * Lines, quoted ones together.
 * @param {string} text
 * @param {Piece[]} into
 */
function lines(text, into) {
    if (text === "") return;
    /** @type {Piece[] | null} */
    let quoted = null;
    let first = true;
    for (const line of text.split("\n")) {
        const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
        if (quote) {
            if (quoted) quoted.push({ t: "br" });
            else into.push({ t: "quote", c: (quoted = []) });
            quoted.push(...inline(quote[1]));
        } else {
            if (!first && !quoted) into.push({ t: "br" });
            quoted = null;
            into.push(...inline(line));
        }
        first = false;
    }
}

/**
 * Where the token or code that begins at `at` ends; 0 when none does.
 * @param {string} text
 * @param {number} at
 */
function atom(text, at) {
    if (text[at] === "<") {
        const end = text.indexOf(">", at + 2);
        return end < 0 || text.slice(at + 1, end).includes("<") ? 0 : end + 1;
    }
    if (text[at] === "`") {
        const end = text.indexOf("`", at + 2);
        return end < 0 ? 0 : end + 1;
    }
    return 0;
}

/**
 * Where the formatting that begins at `at` closes; 0 when it does not.
 * @param {string} text
 * @param {number} at
 */
function closing(text, at) {
    const mark = text[at];
    const before = text[at - 1];
    if ((before && WORD.test(before)) || !text[at + 1] || /\s/.test(text[at + 1]) || text[at + 1] === mark) return 0;
    for (let end = at + 1; end < text.length; end++) {
        const skip = atom(text, end);
        if (skip) {
            end = skip - 1;
            continue;
        }
        const after = text[end + 1];
        if (text[end] === mark && !/\s/.test(text[end - 1]) && !(after && WORD.test(after))) return end;
    }
    return 0;
}

/**
 * One line.
 * @param {string} text
 * @returns {Piece[]}
 */
function inline(text) {
    /** @type {Piece[]} */
    const pieces = [];
    let words = "";
    const flush = () => {
        if (words) pieces.push({ t: "text", v: plain(words) });
        words = "";
    };
    for (let at = 0; at < text.length; ) {
        const end = atom(text, at);
        if (end) {
            flush();
            const inside = text.slice(at + 1, end - 1);
            pieces.push(text[at] === "`" ? { t: "code", v: plain(inside.replace(TOKEN, shown)) } : token(inside));
            at = end;
            continue;
        }
        const kind = MARKS[text[at]];
        const close = kind ? closing(text, at) : 0;
        if (close) {
            flush();
            pieces.push({ t: kind, c: inline(text.slice(at + 1, close)) });
            at = close + 1;
            continue;
        }
        const named = text[at] === ":" ? /^:((?=[^:]*[a-z]|[+-]1:|100:)[a-z0-9_+'-]+(?:::skin-tone-\d)?):/.exec(text.slice(at)) : null;
        if (named) {
            flush();
            pieces.push({ t: "emoji", v: named[1] });
            at += named[0].length;
            continue;
        }
        words += text[at++];
    }
    flush();
    return pieces;
}

/**
 * What stands in angle brackets.
 * @param {string} inside
 * @returns {Piece}
 */
function token(inside) {
    const bar = inside.indexOf("|");
    const name = bar < 0 ? inside : inside.slice(0, bar);
    const label = bar < 0 ? "" : plain(inside.slice(bar + 1));
    if (name.startsWith("@")) return { t: "user", v: name.slice(1) };
    if (name.startsWith("#")) return { t: "channel", v: name.slice(1), label };
    if (name.startsWith("!subteam^")) return { t: "group", v: label || name.slice(9) };
    if (name.startsWith("!date^")) {
        const [, at, format] = name.split("^");
        return { t: "date", at: Number(at), format: plain(format ?? ""), label };
    }
    if (name.startsWith("!")) return { t: "broadcast", v: name.slice(1) };
    const url = plain(name);
    return safe(url) ? { t: "link", url, label: label || url } : { t: "text", v: label || url };
}

/**
 * Whether it leads to a page, or a mail: never to a script.
 * @param {string} url
 */
export function safe(url) {
    return /^(?:https?:\/\/|mailto:)/i.test(url);
}

/**
 * A moment, as the reader's clock tells it.
 * @param {number} seconds since 1970
 * @param {string} format with Slack's `{date…}` and `{time…}`
 * @param {Date} [now]
 */
export function moment(seconds, format, now = new Date()) {
    const at = new Date(seconds * 1000);
    const day = (/** @type {Date} */ when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();
    const days = Math.round((day(at) - day(now)) / 86_400_000);
    const near = days === 0 ? "today" : days === -1 ? "yesterday" : days === 1 ? "tomorrow" : "";
    const dated = (/** @type {"short" | "long"} */ month, /** @type {boolean} */ weekday) =>
        at.toLocaleDateString("en", { month, day: "numeric", year: "numeric", weekday: weekday ? "long" : undefined });
    const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
    const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
    return format
        .replaceAll("{date_num}", `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`)
        .replaceAll("{date_short_pretty}", near || dated("short", false))
        .replaceAll("{date_long_pretty}", near || dated("long", true))
        .replaceAll("{date_pretty}", near || dated("long", false))
        .replaceAll("{date_short}", dated("short", false))
        .replaceAll("{date_long}", dated("long", true))
        .replaceAll("{date}", dated("long", false))
        .replaceAll("{time_secs}", `${time}:${two(at.getSeconds())}`)
        .replaceAll("{time}", time);
}

/** @type {Record<string, "strong" | "em" | "s" | "blockquote">} */
const TAGS = { b: "strong", i: "em", s: "s", quote: "blockquote" };

/**
 * Pieces as elements.
 * @param {Piece[]} pieces
 * @param {{user: (id: string) => string, channel: (id: string) => string}} names
 * @returns {Node[]}
 */
export function elements(pieces, names) {
    return pieces.map((piece) => element(piece, names));
}

/**
 * @param {Piece} piece
 * @param {{user: (id: string) => string, channel: (id: string) => string}} names
 * @returns {Node}
 */
function element(piece, names) {
    const made = (/** @type {keyof HTMLElementTagNameMap} */ tag, /** @type {string} */ text, kind = "") => {
        const one = document.createElement(tag);
        if (kind) one.className = kind;
        one.textContent = text;
        return one;
    };
    switch (piece.t) {
        case "text":
            return document.createTextNode(piece.v);
        case "br":
            return document.createElement("br");
        case "code":
            return made("code", piece.v);
        case "pre":
            return made("pre", piece.v);
        case "user":
            return made("span", `@${names.user(piece.v)}`, "mention");
        case "group":
            return made("span", piece.v.startsWith("@") ? piece.v : `@${piece.v}`, "mention");
        case "broadcast":
            return made("span", `@${piece.v}`, "mention loud");
        case "channel":
            return made("span", `#${piece.label || names.channel(piece.v)}`, "mention");
        case "emoji": {
            const one = made("span", emoji(piece.v), "emoji");
            one.setAttribute("role", "img");
            one.setAttribute("aria-label", piece.v.replaceAll("_", " "));
            return one;
        }
        case "date": {
            const known = Number.isFinite(piece.at) && piece.format;
            const one = document.createElement("time");
            one.textContent = known ? moment(piece.at, piece.format) : piece.label;
            if (known) one.dateTime = new Date(piece.at * 1000).toISOString();
            if (piece.label) one.title = piece.label;
            return one;
        }
        case "link": {
            const one = document.createElement("a");
            one.href = piece.url;
            one.target = "_blank";
            one.rel = "noopener noreferrer";
            one.textContent = piece.label;
            return one;
        }
        default: {
            const one = document.createElement(TAGS[piece.t]);
            one.append(...elements(piece.c, names));
            return one;
        }
    }
}
