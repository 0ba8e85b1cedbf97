// @ts-check
// What the page knows, and who wants to hear when it changes.

/**
 * @typedef {{id: string, name: string, real_name: string, is_bot: boolean}} User
 * @typedef {{id: string, name: string, role: string}} Person
 * @typedef {{id: string, name: string, direct: boolean, members: string[], topic: string}} Channel
 * @typedef {{id: string, name: string, title: string, alt: string | null, size: number, picture: boolean}} File
 * @typedef {{
 *   ts: string, channel: string, user: string, from_app: boolean, text: string, blocks: any[], attachments: any[],
 *   thread_ts: string | null, broadcast: boolean, subtype: string | null, edited: object | null, revisions: number,
 *   reactions: {name: string, users: string[]}[], files: File[], ephemeral_to: string | null, username: string | null
 * }} Message
 * @typedef {{kind: "say", who: string, text: string} | {kind: "press", who: string, label: string}
 *   | {kind: "cause", trouble: string, label: string}} Deed
 * @typedef {{deed: Deed, until: string, look: string}} Act
 * @typedef {{title: string, about: string, acts: Act[]}} Step
 * @typedef {{id: string, label: string, about: string}} Trouble
 * @typedef {{name: string, version: string, state: string, reason: string, restarts: number}} Pod
 * @typedef {{name: string, version: string, wanted: number, ready: number, pods: Pod[]}} Service
 * @typedef {{name: string, services: Service[]}} Place
 * @typedef {{n: number, way: string, name: string, more: string}} Entry
 * @typedef {{what: string, stage: string, told: string, output: string, log: string[]}} Bench
 */

export const state = {
    team: "",
    /** Id of the robot. */
    robot: "",
    /** @type {Map<string, User>} */
    users: new Map(),
    /** @type {Channel[]} */
    channels: [],
    /** @type {Map<string, Message>} */
    messages: new Map(),
    /** @type {Person[]} */
    people: [],
    /** As whom one speaks: an id. */
    me: "",
    /** The open channel: an id, or `@otus` for a conversation that has not begun. */
    open: "",
    /** The first channel. */
    home: "",
    /** The message whose thread is open. @type {string | null} */
    thread: null,
    /** The form each person sees. @type {Map<string, any>} */
    views: new Map(),
    /** @type {Step[]} */
    tour: [],
    /** @type {Trouble[]} */
    troubles: [],
    /** How the robot stands that is being worked on, where one is. @type {Bench | null} */
    bench: null,
    /** @type {Place[]} */
    cluster: [],
    /** @type {Entry[]} */
    log: [],
    /** Channels with something new, and for whom: `person channel`. @type {Set<string>} */
    unread: new Set(),
    /** Counts changes of messages, so that those since a moment are known. */
    clock: 0,
    /** When each message last changed, by that count. @type {Map<string, number>} */
    changed: new Map(),
};

/** How many entries of the log are kept. */
const LOG = 400;

/** @type {Map<string, Set<() => void>>} */
const listeners = new Map();
/** @type {Set<string>} */
let due = new Set();

/**
 * Calls back after something of the kind changed: `messages`, `people`, `channels`, `cluster`, `log`, `views`, `tour`, `bench`.
 * @param {string[]} kinds
 * @param {() => void} then
 */
export function on(kinds, then) {
    for (const kind of kinds) {
        const known = listeners.get(kind) ?? new Set();
        known.add(then);
        listeners.set(kind, known);
    }
}

/**
 * Says that something changed; listeners are called once for all that changes together.
 * @param {...string} kinds
 */
export function changed(...kinds) {
    if (due.size === 0) {
        queueMicrotask(() => {
            const now = due;
            due = new Set();
            const all = new Set([...now].flatMap((kind) => [...(listeners.get(kind) ?? [])]));
            for (const then of all) then();
        });
    }
    for (const kind of kinds) due.add(kind);
}

/** Everything, at the beginning or after a break. @param {any} told */
export function start(told) {
    state.team = told.team;
    state.robot = told.robot;
    state.users = new Map(told.users.map((/** @type {User} */ user) => [user.id, user]));
    state.channels = told.channels;
    state.messages = new Map(told.messages.map((/** @type {Message} */ message) => [message.ts, message]));
    state.people = told.people;
    state.home = told.open;
    if (!state.people.some((person) => person.id === state.me)) state.me = state.people[0]?.id ?? "";
    if (!state.open) state.open = told.open;
    state.views = new Map(told.views.map((/** @type {any} */ view) => [view.user, view.view]));
    state.tour = told.tour;
    state.troubles = told.troubles;
    state.bench = told.bench ?? null;
    state.log = told.log;
    changed("messages", "people", "channels", "log", "views", "tour", "bench");
}

/** What happened since. @param {any} told */
export function news(told) {
    for (const change of told.changes) {
        if (change.kind === "message") {
            const message = /** @type {Message} */ (change.message);
            if (!state.messages.has(message.ts)) notice(message);
            state.messages.set(message.ts, message);
            state.changed.set(message.ts, ++state.clock);
            changed("messages");
        } else if (change.kind === "deleted") {
            state.messages.delete(change.ts);
            changed("messages");
        } else if (change.kind === "view") {
            state.views.set(change.user, change.view);
            changed("views");
        }
    }
    if (told.channels) {
        state.channels = told.channels;
        changed("channels", "messages");
    }
    state.log.push(...told.log);
    if (state.log.length > LOG) state.log.splice(0, state.log.length - LOG);
    changed("log");
}

/** Marks a new message as unread for whoever does not look at it. @param {Message} message */
function notice(message) {
    for (const person of state.people) {
        const seen = person.id === state.me && message.channel === state.open;
        const mine = message.user === person.id;
        const hidden = message.ephemeral_to && message.ephemeral_to !== person.id;
        if (!seen && !mine && !hidden) state.unread.add(`${person.id} ${message.channel}`);
    }
    changed("channels");
}

/** Opens a channel. @param {string} id */
export function open(id) {
    state.open = id;
    state.thread = null;
    state.unread.delete(`${state.me} ${id}`);
    changed("channels", "messages");
}

/** Speaks as somebody else. @param {string} id */
export function speakAs(id) {
    if (state.me === id) return;
    state.me = id;
    const channel = state.channels.find((channel) => channel.id === state.open);
    if (!channel || !channel.members.includes(id)) state.open = state.home;
    state.unread.delete(`${id} ${state.open}`);
    changed("people", "channels", "messages", "views");
}

/** Opens a thread, or none. @param {string | null} ts */
export function openThread(ts) {
    state.thread = ts;
    changed("messages");
}

/** A person or the robot, as shown. @param {string} id */
export function nameOf(id) {
    return state.users.get(id)?.real_name ?? id;
}

/** Whether the person sees the message. @param {Message} message */
export function visible(message) {
    return !message.ephemeral_to || message.ephemeral_to === state.me;
}
