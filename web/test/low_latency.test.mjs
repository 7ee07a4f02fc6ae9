// hls.js, dash.js and Shaka Player play a low-latency channel in Chromium with their stock settings: each takes parts or
// open segments, holds less than a player of whole segments could, and nothing stalls.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, pause, server, troubles, until } from "./browser.mjs";
import { players, servePages } from "./player_page.mjs";

const channel = process.env.HEADWATER_LOW_CHANNEL ?? "low";
/** Three target durations: nobody who waits for whole segments may hold less (RFC 8216bis §6.3.3). */
const WHOLE_SEGMENTS_MS = 6_000;
/** What each player asks for where it knows of low latency. */
const asksFor = { "hls.js": /\.\d+\.m4s|_HLS_part=/, "dash.js": /slot-\d+\.m4s/, Shaka: /slot-\d+\.m4s/ };

let browser;
let pages;

before(async () => {
  await until("the channel lists parts", 60, async () => {
    const answer = await fetch(`${server}/${channel}/audio/index.m3u8`);
    const text = answer.ok ? await answer.text() : "";
    return text.split("#EXTINF").length > 4 && text.includes("#EXT-X-PART:");
  });
  browser = await launch();
  pages = await servePages(`${server}/${channel}`);
});

after(async () => {
  await browser?.close();
  pages?.stop();
});

async function play(name) {
  const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
  const seen = troubles(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${pages.url}/page/${encodeURIComponent(name)}`);
  const facts = () => page.evaluate(() => window.facts());
  await until(`${name} starts`, 30, async () => (await facts()).time > 0);
  const context = async () => JSON.stringify({ ...(await facts()), seen });
  return { page, facts, asked, context };
}

for (const name of Object.keys(players)) {
  test(`${name} plays at low latency`, { timeout: 90_000 }, async () => {
    const { page, facts, asked, context } = await play(name);
    await pause(5_000);
    await page.evaluate(() => window.takeSamples());
    await pause(10_000);
    const latencies = (await page.evaluate(() => window.takeSamples())).map(([, latency]) => latency).sort((a, b) => a - b);
    const last = await facts();
    const parts = asked.filter((url) => asksFor[name].test(url)).length;
    assert.ok(parts > 10, `asks for parts or open segments: ${parts} of ${asked.length} requests`);
    const median = latencies[Math.floor(latencies.length / 2)];
    assert.ok(median < WHOLE_SEGMENTS_MS, `holds less than three segments: ${median} ms ${await context()}`);
    assert.deepEqual([last.stalls, last.faults], [[], []], await context());
    console.log(`# ${name}: ${Math.round(median)} ms from clock to pixel, ${parts} parts or open segments`);
    await page.close();
  });
}
