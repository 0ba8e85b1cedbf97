// Opens the demo's page in a real browser, as a person would: writes, speaks as others, goes through the tour, looks at pictures. Takes
// the pictures of the documentation on its way.
//
// node tests/page/tour.js <address of the page> <folder for pictures>

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [address, folder] = process.argv.slice(2);
assert.ok(address && folder, "say where the page is, and where pictures go");
await mkdir(folder, { recursive: true });
/** How long anything may take on a busy machine. */
const SOON = 90_000;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(SOON);
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const picture = (name) => page.screenshot({ path: `${folder}/${name}.png` });
    const message = (words) => page.locator("#channel-messages .message", { hasText: words });

    await page.goto(address);
    await page.locator(".step").first().waitFor();
    assert.equal(await page.title(), "Otus demo");

    // A name is completed by the keyboard alone, and the answer comes.
    const words = page.getByRole("combobox", { name: "Message #shop" });
    await words.fill("@ot");
    await page.getByRole("option", { name: /Otus/ }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await words.inputValue(), "@otus ");
    await page.keyboard.type("ping");
    await page.keyboard.press("Enter");
    await message("pong").waitFor();

    // A reaction, and its end.
    const pong = message("pong").last();
    await pong.hover();
    await pong.getByRole("button", { name: "Add a reaction" }).click();
    await page.locator(".picker").getByRole("button", { name: "tada" }).click();
    const reaction = pong.getByRole("button", { name: /^tada/ });
    await reaction.waitFor();
    await reaction.click();
    await reaction.waitFor({ state: "detached" });

    // A thread, and leaving it.
    await pong.hover();
    await pong.getByRole("button", { name: "Reply in a thread" }).click();
    const reply = page.getByRole("combobox", { name: "Reply in the thread" });
    await reply.fill("thanks");
    await page.keyboard.press("Enter");
    await page.locator("#thread-messages .message", { hasText: "thanks" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#thread").waitFor({ state: "hidden" });
    await pong.getByText("1 reply").waitFor();

    // A direct message.
    await page.locator("#sidebar").getByRole("button", { name: "Otus" }).click();
    await page.getByRole("combobox", { name: "Message Otus" }).fill("ping");
    await page.keyboard.press("Enter");
    await message("pong").waitFor();
    await page.locator("#sidebar").getByRole("button", { name: "shop" }).click();

    // The tour, whole: every act by its button, until the robot said what it waits for.
    const steps = await page.locator(".step").count();
    assert.ok(steps >= 3, `${steps} steps`);
    for (let step = 0; step < steps; step++) {
        if (step > 0) await page.locator("[data-key=next]").click();
        const acts = await page.locator(".step.open .acts > li").count();
        for (let act = 0; act < acts; act++) {
            await page.locator(`[data-key="${step}.${act}"]`).click();
            if (step === 0 && act === 0) {
                // A card with live progress, and pods that come and go beside it.
                await message("of 3 pods").waitFor();
                await page.getByRole("tab", { name: "Cluster" }).click();
                await page.locator(".places .pod.starting").first().waitFor();
                await picture("progress");
                await page.getByRole("tab", { name: "Tour" }).click();
            }
            const over = page.locator(`.step.open .acts > li:nth-child(${act + 1}).over`);
            // An alert takes its time: the numbers have to be bad for a while.
            await over.waitFor({ timeout: 2 * SOON }).catch(async () => {
                const shown = await page.locator("#channel-messages").innerText();
                assert.fail(`step ${step + 1}, act ${act + 1} does not end:\n${shown}`);
            });
        }
        // Whoever reads the end stays there, whatever grew and whichever thread opened.
        await page.waitForFunction(() => {
            const scroll = document.getElementById("channel-scroll");
            return scroll && scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
        });
        await picture(`step-${step + 1}`);
    }
    await page.locator(".step.over").nth(steps - 1).waitFor();

    // A picture opens large, and closes.
    const graph = page.locator("button.picture").last();
    await graph.click();
    const large = page.locator("dialog.lightbox");
    await large.waitFor();
    await page.waitForFunction(() => document.querySelector("dialog.lightbox img")?.naturalWidth > 400);
    await picture("graph-large");
    await page.keyboard.press("Escape");
    await large.waitFor({ state: "detached" });
    if (await page.locator("#thread").isVisible()) await page.keyboard.press("Escape");

    // What looks like markup is words, whoever says it.
    await words.fill("<img src=x onerror=alert(1)> <b>not bold</b> & *bold*");
    await page.keyboard.press("Enter");
    await message("<img src=x onerror=alert(1)>").waitFor();
    assert.equal(await page.locator(".body img[src=x]").count(), 0);

    // What is locked says so.
    await words.fill("@otus lock web for 10m because I am trying this out");
    await page.keyboard.press("Enter");
    await message("web").last().waitFor();

    // The socket is lost, and what is said meanwhile is answered.
    await page.getByRole("tab", { name: "Cluster" }).click();
    await page.getByRole("button", { name: /Lose the socket/ }).click();
    const before = await message("pong").count();
    await words.fill("@otus ping");
    await page.keyboard.press("Enter");
    await page.waitForFunction((count) => [...document.querySelectorAll("#channel-messages .message")].filter((one) => one.textContent?.includes("pong")).length > count, before);

    // Dark, by the system's wish and by the switch; narrow.
    await page.emulateMedia({ colorScheme: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await picture("dark");
    await page.getByRole("button", { name: /^Colours/ }).click();
    assert.notEqual(await ground(), dark, "the switch says light while the system says dark");
    await page.getByRole("button", { name: /^Colours/ }).click();
    assert.equal(await ground(), dark);
    await page.setViewportSize({ width: 390, height: 844 });
    await picture("narrow-dark");
    await page.getByRole("button", { name: /^Colours/ }).click();
    await page.emulateMedia({ colorScheme: "light" });
    await page.locator("#bottom").getByRole("button", { name: "Cluster" }).click();
    await page.locator(".places .pod").first().waitFor();
    await picture("narrow");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `the narrow page is ${wide} wide`);

    // Everything that can be pressed has a name.
    const nameless = await page.evaluate(() =>
        [...document.querySelectorAll("button, a[href], select, textarea, input")]
            .filter((one) => !(one.getAttribute("aria-label") || one.textContent?.trim() || one.getAttribute("title")))
            .map((one) => one.outerHTML.slice(0, 120)),
    );
    assert.deepEqual(nameless, []);
    assert.deepEqual(errors, [], "the browser complained");
} finally {
    await browser.close();
}
console.log("the page works");
