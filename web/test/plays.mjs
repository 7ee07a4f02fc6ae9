// Plays one HLS stream with hls.js and says in a line of JSON what was seen: `node plays.mjs http://HOST:PORT/FOLDER SECONDS`, for FOLDER/index.m3u8.
// Done when the picture has advanced so far, with sound; ends with 1 where that does not come about.
import { launch, troubles, until } from "./browser.mjs";
import { servePages } from "./player_page.mjs";

const [stream, seconds] = process.argv.slice(2);
const pages = await servePages(stream);
const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
  const seen = troubles(page);
  await page.goto(`${pages.url}/page/hls.js`);
  const facts = () => page.evaluate(() => window.facts());
  const start = await until("hls.js starts", 45, async () => (await facts()).startup !== null && facts()).catch(async (fault) => {
    throw new Error(`${fault.message}: ${JSON.stringify({ ...(await facts()), seen })}`);
  });
  const far = start.time + Number(seconds);
  const end = await until(`the picture advances ${seconds} s`, 60, async () => (await facts()).time >= far && facts()).catch(async (fault) => {
    throw new Error(`${fault.message}: ${JSON.stringify({ ...(await facts()), seen })}`);
  });
  console.log(JSON.stringify({ width: end.width, height: end.height, sounds: end.audioBytes > 0, faults: end.faults, seen }));
} finally {
  await browser.close();
  pages.stop();
}
