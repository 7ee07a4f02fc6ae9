// A player on a network that gets slow and fast again: rungs go down and up, and the picture never stops.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { channel, launch, pause, server, until } from "./browser.mjs";
import { players, servePages } from "./player_page.mjs";

/** Under the second rung's bit rate, over the first's. */
const SLOW_BITS_PER_SECOND = 650_000;
const UNLIMITED = -1;

let browser;
let pages;

before(async () => {
  browser = await launch();
  pages = await servePages(`${server}/${channel}`);
});

after(async () => {
  await browser?.close();
  pages?.stop();
});

for (const name of Object.keys(players)) {
  test(`a slow network costs ${name} quality and nothing else, and quality comes back`, { timeout: 240_000 }, async () => {
    const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Network.enable");
    const bandwidth = (bitsPerSecond) =>
      devtools.send("Network.emulateNetworkConditions", {
        offline: false, latency: 5, uploadThroughput: UNLIMITED,
        downloadThroughput: bitsPerSecond === UNLIMITED ? UNLIMITED : bitsPerSecond / 8,
      });
    await page.goto(`${pages.url}/page/${encodeURIComponent(name)}`);
    const facts = () => page.evaluate(() => window.facts());
    const shows = (height) =>
      until(`${name} shows ${height}`, 60, async () => (await facts()).height === height).catch(async (fault) => {
        assert.fail(`${fault.message}: ${JSON.stringify(await facts())}`);
      });
    const rungs = await until(`${name} knows its rungs`, 30, () => page.evaluate(() => {
      const heights = [...new Set(window.rungs())].sort((a, b) => a - b);
      return heights.length > 1 && heights;
    }));
    const [lowest, highest] = [rungs[0], rungs.at(-1)];
    await shows(highest);
    await pause(5_000);
    await bandwidth(SLOW_BITS_PER_SECOND);
    await shows(lowest);
    await bandwidth(UNLIMITED);
    await shows(highest);
    const last = await facts();
    assert.deepEqual([last.stalls, last.faults], [[], []], JSON.stringify(last));
    await page.close();
  });
}
