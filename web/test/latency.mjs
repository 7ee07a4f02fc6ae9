// Measures latency from the burnt-in clock to the pixel in Chromium: each player with its stock settings, through the edge.
// Writes a JSON line a player, samples included, to standard output; words for people go to standard error.
//
//   HEADWATER_URL, HEADWATER_CHANNEL   where to watch (a low-latency channel of the built-in source)
//   PLAY_SECONDS                       how long each player plays after its first 20 s (300)
//   PLAYERS                            which, by name: "hls.js,dash.js,Shaka"
import { channel, launch, pause, server, until } from "./browser.mjs";
import { players, servePages } from "./player_page.mjs";

/** Players catch up with the live edge first; what they show then is what they hold. */
const SETTLE_SECONDS = 20;
const seconds = Number(process.env.PLAY_SECONDS ?? 300);
const names = (process.env.PLAYERS ?? Object.keys(players).join(",")).split(",");

const browser = await launch();
const pages = await servePages(`${server}/${channel}`);
try {
  for (const name of names) console.log(JSON.stringify(await measure(name)));
} finally {
  await browser.close();
  pages.stop();
}

async function measure(name) {
  const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
  await page.goto(`${pages.url}/page/${encodeURIComponent(name)}`);
  await until(`${name} starts`, 30, () => page.evaluate(() => window.facts().time > 0));
  await pause(SETTLE_SECONDS * 1000);
  await page.evaluate(() => window.takeSamples());
  const before = await page.evaluate(() => window.facts());
  const samples = [];
  for (let second = 0; second < seconds; second += 10) {
    await pause(Math.min(10, seconds - second) * 1000);
    samples.push(...(await page.evaluate(() => window.takeSamples())));
  }
  const after = await page.evaluate(() => window.facts());
  await page.close();

  const begin = samples[0]?.[0] ?? 0;
  const curve = samples.map(([at, latency]) => [Math.round((at - begin) / 100) / 10, Math.round(latency) / 1000]);
  const latencies = curve.map(([, latency]) => latency);
  const tenth = Math.ceil(latencies.length / 10);
  const figures = {
    player: name,
    seconds,
    samples: latencies.length,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    max: quantile(latencies, 1),
    // Of the median over a tenth of the time, from the first to the last.
    drift: Math.round((quantile(latencies.slice(-tenth), 0.5) - quantile(latencies.slice(0, tenth), 0.5)) * 1000) / 1000,
    stalls: after.stalls.slice(before.stalls.length),
    starved_ms: after.starved - before.starved,
    dropped: after.dropped - before.dropped,
    frames: after.frames - before.frames,
    height: after.height,
    faults: after.faults,
  };
  console.error(
    `${name}: p50 ${figures.p50} s, p95 ${figures.p95} s, max ${figures.max} s, drift ${figures.drift} s, ` +
      `${figures.stalls.length} stalls, ${figures.dropped} of ${figures.frames} frames dropped, ${figures.height}p`,
  );
  return { ...figures, curve };
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
