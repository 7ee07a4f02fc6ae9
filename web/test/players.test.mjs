// hls.js, dash.js and Shaka Player play the channel in Chromium with their stock settings: the picture advances, nothing
// stalls after the start, every rung can be chosen and is shown, and there is sound.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { channel, launch, pause, playSeconds, server, troubles, until } from "./browser.mjs";
import { players, servePages } from "./player_page.mjs";

let browser;
let pages;
const figures = [];

/** Seconds that the first variant of the multivariant playlist lists, in target durations. */
async function listedTargets() {
  const text = async (path) => {
    const answer = await fetch(`${server}/${channel}/${path}`);
    return answer.ok ? answer.text() : "";
  };
  const variant = (await text("index.m3u8")).split("\n").find((line) => line && !line.startsWith("#"));
  const playlist = variant ? await text(variant) : "";
  const target = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(playlist)?.[1]);
  const listed = [...playlist.matchAll(/#EXTINF:([\d.]+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds), 0);
  return listed / target;
}

before(async () => {
  // Players begin three target durations before the end. In the first seconds of a channel there is less to begin with,
  // so whoever joins then waits for the second segment once; what is shown here is a channel that is on air.
  await until("the channel lists four target durations", 60, async () => (await listedTargets()) >= 4);
  browser = await launch();
  pages = await servePages(`${server}/${channel}`);
});

after(async () => {
  await browser?.close();
  pages?.stop();
  console.table(figures);
});

for (const name of Object.keys(players)) {
  test(`${name} plays`, { timeout: (playSeconds + 90) * 1000 }, async () => {
    const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
    const seen = troubles(page);
    await page.goto(`${pages.url}/page/${encodeURIComponent(name)}`);
    const facts = () => page.evaluate(() => window.facts());
    const context = async () => JSON.stringify({ ...(await facts()), seen });

    await until(`${name} starts`, 30, async () => (await facts()).time > 0 && (await facts()).startup !== null).catch(async (fault) => {
      assert.fail(`${fault.message}: ${await context()}`);
    });
    const rungs = await until(`${name} knows its rungs`, 10, () => page.evaluate(() => {
      const heights = [...new Set(window.rungs())];
      return heights.length > 1 && heights;
    }));
    const first = await facts();
    await pause(playSeconds * 1000);
    const last = await facts();
    const advanced = last.time - first.time;
    assert.ok(Math.abs(advanced - playSeconds) < 1.5 + last.starved / 1000, `the picture advances ${playSeconds} s: ${advanced} ${await context()}`);
    assert.deepEqual(last.stalls, [], `nothing stalls: ${await context()}`);
    assert.deepEqual(last.faults, [], await context());
    assert.ok(last.audioBytes > first.audioBytes, `sound is decoded: ${await context()}`);

    const shown = [];
    for (const height of rungs) {
      await page.evaluate((height) => window.select(height), height);
      await until(`${name} shows ${height}`, 30, async () => (await facts()).height === height).catch(async (fault) => {
        assert.fail(`${fault.message}: ${await context()}`);
      });
      const there = (await facts()).time;
      await until(`${name} goes on at ${height}`, 20, async () => (await facts()).time > there + 1);
      shown.push(height);
    }
    assert.deepEqual(shown, rungs);
    const end = await facts();
    figures.push({
      player: name, "startup ms": Math.round(first.startup), "latency s": Number(last.latency?.toFixed(2)), stalls: last.stalls.length,
      "rungs shown": shown.join(" "), "frames": end.frames, "dropped": end.dropped,
    });
    await page.close();
  });
}
