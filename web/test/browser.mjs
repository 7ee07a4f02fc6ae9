// Debian's Chromium, headless, and what the tests ask of it.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const server = (process.env.HEADWATER_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
export const channel = process.env.HEADWATER_CHANNEL ?? "demo";
export const playSeconds = Number(process.env.PLAY_SECONDS ?? 30);
export const out = fileURLToPath(new URL("out/", import.meta.url));

/** Playwright's own build of Chromium has no H.264 or AAC; Debian's has. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** `flags` are further words of Chromium's command line. */
export async function launch(flags = []) {
  await mkdir(out, { recursive: true });
  return chromium.launch({ executablePath, headless: true, args: ["--autoplay-policy=no-user-gesture-required", "--no-sandbox", ...flags] });
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks again until `look` gives something true; says what it saw last where it never does. */
export async function until(what, seconds, look) {
  const end = Date.now() + seconds * 1000;
  let seen;
  do {
    seen = await look();
    if (seen) return seen;
    await pause(100);
  } while (Date.now() < end);
  throw new Error(`not within ${seconds} s: ${what}`);
}

/** What the page wrote to its console as errors, and what it threw. */
export function troubles(page) {
  const list = [];
  page.on("pageerror", (error) => list.push(`threw ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error") list.push(`${message.text()} ${message.location().url}`);
  });
  return list;
}
