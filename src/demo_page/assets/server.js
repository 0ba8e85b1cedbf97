// @ts-check
// The one place that talks to the server.

/**
 * Does something: `say`, `click`, `react` … as in the server's `acts.rs`.
 * @param {string} verb
 * @param {Record<string, unknown>} body
 * @returns {Promise<any>} what came of it
 * @throws {Error} with the reason in words
 */
export async function act(verb, body) {
    const answer = await fetch(`/api/${verb}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text);
    let why = text.trim();
    try {
        why = JSON.parse(text).error;
    } catch {
        // The words as they are.
    }
    throw new Error(why || `the server of this page answered ${answer.status}`);
}

/**
 * Hears everything, again after every break.
 * @param {Record<"start" | "news" | "cluster" | "bench", (told: any) => void>} hear
 * @param {(connected: boolean) => void} connection
 */
export function listen(hear, connection) {
    const events = new EventSource("/api/events");
    events.addEventListener("open", () => connection(true));
    events.addEventListener("error", () => connection(false));
    for (const kind of /** @type {const} */ (["start", "news", "cluster", "bench"])) {
        events.addEventListener(kind, (event) => hear[kind](JSON.parse(event.data)));
    }
}
