// Looks at the workbench's page in a real browser while what somebody wrote does not compile: tests/workbench.rs asks for it.
//
// node tests/page/bench.js <address of the page> <folder for pictures>

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [address, folder] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(90_000);
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(address);
    // Its own tab, in place of the tour's, and a sign in the corner wherever one looks.
    await page.locator("#stage", { hasText: "Not built" }).waitFor();
    await page.getByRole("tab", { name: "Workbench", selected: true }).waitFor();
    assert.equal(await page.title(), "Otus workbench");
    assert.equal(await page.getByRole("tab", { name: "Tour" }).count(), 0);
    const build = page.getByLabel("What the build says");
    await build.getByText("mismatched types").waitFor();
    assert.ok((await page.getByLabel("What the robot says").innerText()).includes("connected"));
    // The conversation is there, and goes on.
    await page.locator("#channel-messages .message", { hasText: "hoohoo" }).last().waitFor();
    const words = page.getByRole("combobox", { name: "Message #shop" });
    await words.fill("@otus echo from the page");
    await page.keyboard.press("Enter");
    await page.locator("#channel-messages .message", { hasText: "Otus" }).filter({ hasText: "from the page" }).last().waitFor();
    await page.screenshot({ path: `${folder}/bench.png` });
    // By the keyboard.
    await page.getByRole("tab", { name: "Workbench" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Cluster", selected: true }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("tab", { name: "Workbench", selected: true }).waitFor();
    await page.emulateMedia({ colorScheme: "dark" });
    await page.screenshot({ path: `${folder}/bench-dark.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator("#bottom").getByRole("button", { name: "Bench" }).click();
    await build.waitFor();
    await page.screenshot({ path: `${folder}/bench-narrow.png` });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `the narrow page is ${wide} wide`);
    assert.deepEqual(errors, [], "the browser complained");
} finally {
    await browser.close();
}
console.log("the workbench works");
