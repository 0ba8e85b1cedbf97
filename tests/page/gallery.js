// Looks at every kind of block on the page, chooses, answers a question, and fills in a form; src/demo_page/tests/gallery.rs asks for it.
//
// node tests/page/gallery.js <address of the page> <folder for pictures>

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [address, folder] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
    const page = await browser.newPage({ viewport: { width: 1300, height: 900 }, reducedMotion: "reduce" });
    page.setDefaultTimeout(60_000);
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("dialog", (dialog) => errors.push(`a script ran: ${dialog.message()}`));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(address);
    const card = page.locator("#channel-messages .message").last();
    await card.locator("h4").waitFor();

    // What each is.
    assert.equal(await card.locator("h4").textContent(), "Every kind <b>of</b> block 🦉");
    assert.equal(await card.locator("strong").first().textContent(), "Bold");
    assert.equal(await card.locator("a").count(), 1, "a link that leads to a script is none");
    assert.equal(await card.locator("script, b b").count(), 0);
    assert.ok((await card.textContent()).includes("<script>alert(1)</script>"));
    assert.equal(await card.locator("pre").textContent(), "logs https://example.com");
    assert.ok((await card.locator(".fields").textContent()).includes("2023-11-1"));
    assert.equal(await card.locator("td").first().textContent(), "<i>api</i>");
    assert.ok((await card.locator(".context").textContent()).includes("@Ann"));

    // A menu, and a question that is denied, then answered.
    await card.getByRole("combobox", { name: "Which version" }).selectOption("2.0");
    await card.getByRole("button", { name: "Stop" }).click();
    const question = page.locator("dialog.question");
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    await card.getByRole("button", { name: "Stop" }).click();
    await question.getByRole("button", { name: "Stop" }).click();
    await question.waitFor({ state: "detached" });
    await page.screenshot({ path: `${folder}/blocks.png` });

    // A form: an answer that is refused, and one that is taken.
    await card.getByRole("button", { name: "Open the form" }).click();
    const form = page.locator("dialog.form");
    await form.getByLabel("Service").fill("wrong");
    await form.getByLabel("Environment").selectOption("production");
    await form.getByText("later").click();
    await form.getByText("queue").click();
    await form.getByRole("button", { name: "Deploy it" }).click();
    await form.getByRole("alert").getByText("There is no such service").waitFor();
    await page.screenshot({ path: `${folder}/form.png` });
    assert.equal(await form.getByLabel("Service").inputValue(), "wrong", "what was entered stays");
    await form.getByLabel("Service").fill("api");
    await form.getByRole("button", { name: "Deploy it" }).click();
    await form.waitFor({ state: "detached" });
    assert.deepEqual(errors, [], "the browser complained");
} finally {
    await browser.close();
}
