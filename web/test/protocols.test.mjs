// hls.js and dash.js play the low-latency channel over HTTP/1.1, HTTP/2 and HTTP/3 in Chromium, each protocol alone.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:tls";
import { test } from "node:test";
import { launch, pause, server, until } from "./browser.mjs";
import { servePages } from "./player_page.mjs";

const channel = process.env.HEADWATER_LOW_CHANNEL ?? "low";
const secure = (process.env.HEADWATER_TLS_URL ?? "https://127.0.0.1:8443").replace(/\/$/, "");
const { host, hostname, port } = new URL(secure);

/** The certificate is the edge's own, so Chromium is told its key: QUIC asks for more than to ignore faults. */
async function keyHash() {
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const key = socket.getPeerX509Certificate().publicKey.export({ type: "spki", format: "der" });
  socket.destroy();
  return createHash("sha256").update(key).digest("base64");
}

const trust = async () => `--ignore-certificate-errors-spki-list=${await keyHash()}`;
const protocols = [
  { name: "http/1.1", base: server, flags: async () => [] },
  { name: "h2", base: secure, flags: async () => [await trust(), "--disable-quic"] },
  { name: "h3", base: secure, flags: async () => [await trust(), `--origin-to-force-quic-on=${host}`] },
];

for (const { name: protocol, base, flags } of protocols) {
  for (const player of ["hls.js", "dash.js"]) {
    test(`${player} plays at low latency over ${protocol}`, { timeout: 90_000 }, async () => {
      const browser = await launch(await flags());
      const pages = await servePages(`${base}/${channel}`);
      try {
        const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
        const devtools = await page.context().newCDPSession(page);
        const spoken = new Map();
        devtools.on("Network.responseReceived", ({ response }) => {
          if (response.url.startsWith(base)) spoken.set(response.protocol, (spoken.get(response.protocol) ?? 0) + 1);
        });
        await devtools.send("Network.enable");
        await page.goto(`${pages.url}/page/${encodeURIComponent(player)}`);
        const facts = () => page.evaluate(() => window.facts());
        await until(`${player} starts`, 30, async () => (await facts()).time > 0).catch(async (fault) => {
          assert.fail(`${fault.message}: ${JSON.stringify([await facts(), [...spoken]])}`);
        });
        await pause(5_000);
        await page.evaluate(() => window.takeSamples());
        await pause(8_000);
        const latencies = (await page.evaluate(() => window.takeSamples())).map(([, latency]) => latency).sort((a, b) => a - b);
        const last = await facts();
        assert.deepEqual([...spoken.keys()], [protocol], "every answer came over it");
        assert.deepEqual([last.stalls, last.faults], [[], []], JSON.stringify(last));
        const median = Math.round(latencies[Math.floor(latencies.length / 2)]);
        console.log(`# ${player} over ${protocol}: ${median} ms from clock to pixel, ${spoken.get(protocol)} answers`);
      } finally {
        await browser.close();
        pages.stop();
      }
    });
  }
}
