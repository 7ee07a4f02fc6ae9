// A development aid: a small live ladder made by ffmpeg, served with the viewer URLs of the real thing, so that the
// page can be worked on without it. Nothing here stands in for the real server in a test run that counts.
//
// POST /_/fixture/off and /_/fixture/on take the channel off air and back.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const channel = process.env.HEADWATER_CHANNEL ?? "demo";
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".mpd": "application/dash+xml",
  ".mp4": "video/mp4",
  ".m4s": "video/iso.segment",
};
/** The publisher is gone when the playlist has not changed for this long. */
const SILENCE_MS = 6000;

function publish(dir) {
  const ladder = ["-map", "0:v", "-s:v:0", "640x360", "-b:v:0", "600k", "-map", "0:v", "-s:v:1", "426x240", "-b:v:1", "250k"];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0"];
  const dash = ["-f", "dash", "-seg_duration", "2", "-window_size", "15", "-extra_window_size", "10", "-use_template", "1", "-use_timeline", "1"];
  const names = ["-hls_playlist", "1", "-hls_master_name", "index.m3u8", "-utc_timing_url", "/_/time", "-adaptation_sets", "id=0,streams=v id=1,streams=a"];
  const input = ["-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-re", "-f", "lavfi", "-i", "sine=frequency=330:beep_factor=4:sample_rate=48000"];
  const args = ["-loglevel", "error", ...input, ...ladder, "-map", "1:a", ...video, "-c:a", "aac", "-b:a", "96k", ...dash, ...names, "manifest.mpd"];
  return spawn("ffmpeg", args, { cwd: dir, stdio: ["ignore", "ignore", "inherit"] });
}

/** Starts the ladder and its server; returns its URL and a way to end both. */
export async function startFixture({ port = 0 } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "headwater-fixture-"));
  let publisher = publish(dir);

  async function status() {
    const file = await stat(join(dir, "manifest.mpd")).catch(() => null);
    const onAir = publisher !== null && file !== null && Date.now() - file.mtimeMs < SILENCE_MS;
    return { channel, on_air: onAir, live_edge: file ? new Date(file.mtimeMs).toISOString() : null, tracks: [] };
  }

  async function control(action) {
    publisher?.kill("SIGKILL");
    publisher = null;
    if (action === "on") {
      await rm(dir, { recursive: true, force: true });
      const { mkdir } = await import("node:fs/promises");
      await mkdir(dir);
      publisher = publish(dir);
    }
  }

  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://fixture").pathname);
    const headers = { "access-control-allow-origin": "*", "access-control-expose-headers": "Date", "cache-control": "no-cache" };
    const csp = { "content-security-policy": "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:" };
    const send = (code, type, body) => response.writeHead(code, { ...headers, ...(type.startsWith("text/html") ? csp : {}), "content-type": type }).end(body);
    const file = async (name) => send(200, types[extname(name)] ?? "application/octet-stream", await readFile(name));
    try {
      if (path === "/_/time") return send(200, "text/plain", new Date().toISOString());
      if (request.method === "POST" && path.startsWith("/_/fixture/")) return send(200, "text/plain", String(await control(path.slice(11)) ?? "done\n"));
      if (path === "/channels.json") return send(200, types[".json"], JSON.stringify({ channels: [{ name: channel, on_air: (await status()).on_air }, { name: "north-gate", on_air: false }, { name: "studio-b", on_air: false }] }));
      if (path === "/") return await file(join(dist, "index.html"));
      if (path.startsWith("/_/assets/")) return await file(join(dist, "assets", path.slice(10)));
      if (path === `/${channel}/`) return await file(join(dist, "watch.html"));
      if (path === `/${channel}/status.json`) return send(200, types[".json"], JSON.stringify(await status()));
      if (path.startsWith(`/${channel}/`)) return await file(join(dir, path.slice(channel.length + 2)));
      send(404, "text/plain", "no such thing");
    } catch (error) {
      send(error.code === "ENOENT" ? 404 : 500, "text/plain", String(error));
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  while (!(await status()).on_air) await new Promise((resolve) => setTimeout(resolve, 200));
  return {
    url,
    async stop() {
      publisher?.kill("SIGKILL");
      server.closeAllConnections();
      server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
