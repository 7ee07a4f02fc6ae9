// A minimal page for each player with its stock settings, served on loopback from another origin than the stream.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { stripReader } from "./strip.mjs";

const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));

/** Each player: its file, and the page's code. The page offers `rungs()`, `select(height)` and `latency()`. */
export const players = {
  "hls.js": {
    file: "hls.js/dist/hls.min.js",
    manifest: "index.m3u8",
    code: `
      const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) report("fatal: " + error.details); });
      hls.loadSource(url);
      hls.attachMedia(video);
      window.rungs = () => hls.levels.map((level) => level.height);
      window.select = (height) => { hls.nextLevel = hls.levels.findIndex((level) => level.height === height); };
      window.latency = () => hls.latency;`,
  },
  "dash.js": {
    file: "dashjs/dist/modern/umd/dash.all.min.js",
    manifest: "manifest.mpd",
    code: `
      const player = dashjs.MediaPlayer().create();
      player.on("error", (event) => report("error: " + JSON.stringify(event.error?.message ?? event.error)));
      player.initialize(video, url, true);
      const list = () => player.getRepresentationsByType("video");
      window.rungs = () => (player.isReady() ? list().map((rung) => rung.height) : []);
      window.select = (height) => {
        player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } }, buffer: { fastSwitchEnabled: true } } });
        player.setRepresentationForTypeById("video", list().find((rung) => rung.height === height).id, true);
      };
      window.latency = () => player.getCurrentLiveLatency();`,
  },
  Shaka: {
    file: "shaka-player/dist/shaka-player.compiled.js",
    manifest: "manifest.mpd",
    code: `
      shaka.polyfill.installAll();
      const player = new shaka.Player();
      player.addEventListener("error", (event) => { if (event.detail.severity === 2) report("error " + event.detail.code); });
      player.attach(video).then(() => player.load(url)).catch((error) => report("load: " + error.code));
      window.rungs = () => player.getVariantTracks().map((track) => track.height);
      window.select = (height) => {
        player.configure({ abr: { enabled: false } });
        player.selectVariantTrack(player.getVariantTracks().find((track) => track.height === height), true);
      };
      window.latency = () => (Date.now() - player.getPlayheadTimeAsDate()) / 1000;`,
  },
};

/** Serves the pages; gives the base URL and a way to stop. */
export async function servePages(stream) {
  const server = createServer(async (request, response) => {
    const [, kind, name] = new URL(request.url, "http://localhost").pathname.split("/").map(decodeURIComponent);
    const player = players[name];
    if (player && kind === "player") {
      response.setHeader("content-type", "text/javascript");
      response.end(await readFile(modules + player.file));
    } else if (player && kind === "page") {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(page(name, player, `${stream}/${player.manifest}`));
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

function page(name, player, manifest) {
  return `<!doctype html><title>${name}</title><link rel="icon" href="data:,">
<video id="video" muted autoplay playsinline width="854"></video>
<script src="/player/${encodeURIComponent(name)}"></script>
<script>
  const video = document.getElementById("video"), url = ${JSON.stringify(manifest)};
  const faults = [], stalls = [];
  const report = (text) => faults.push(text);
  let startedAt = null, lastTime = 0, lastMove = performance.now(), frozen = false;
  const opened = performance.now();
  // Where this page's own timer stood still, the machine did: no player could have shown a picture.
  let lastTick = opened, starved = 0;
  setInterval(() => {
    const now = performance.now();
    if (now - lastTick > 400) { starved += now - lastTick; lastMove += now - lastTick; }
    lastTick = now;
    if (video.currentTime > lastTime + 0.001) {
      startedAt ??= now;
      if (frozen) stalls.push(Math.round(now - lastMove));
      frozen = false; lastMove = now; lastTime = video.currentTime;
    } else if (startedAt !== null && now - startedAt > 3000 && now - lastMove > 500) {
      frozen = true;
    }
  }, 50);
  window.facts = () => ({
    time: video.currentTime, width: video.videoWidth, height: video.videoHeight, startup: startedAt === null ? null : startedAt - opened,
    stalls: frozen ? [...stalls, Math.round(performance.now() - lastMove)] : stalls, faults,
    starved: Math.round(starved), audioBytes: video.webkitAudioDecodedByteCount, dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
    frames: video.getVideoPlaybackQuality().totalVideoFrames, latency: window.latency?.() ?? null,
  });
  ${stripReader}
  // From the burnt-in clock to the pixel, once a tenth of a second: [performance.now(), latency in ms], on one machine's clock.
  const samples = [];
  let lastSample = 0;
  const sample = (now) => {
    if (now - lastSample >= 100) {
      const made = readStrip(video);
      if (made !== null) { samples.push([now, performance.timeOrigin + performance.now() - made]); lastSample = now; }
    }
    video.requestVideoFrameCallback(sample);
  };
  video.requestVideoFrameCallback(sample);
  window.takeSamples = () => samples.splice(0);
  ${player.code}
</script>`;
}
