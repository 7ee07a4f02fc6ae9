// An evening of bad luck: the whole stack with two publishers, faults by a programme, and hls.js in Chromium, which should notice
// none of it. `node evening.mjs FOLDER_OF_BINARIES FOLDER_FOR_THE_REPORT`; MINUTES says how long (10).
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch, pause, until } from "./browser.mjs";
import { report } from "./evening_report.mjs";
import { servePages } from "./player_page.mjs";

const [binaries, out] = process.argv.slice(2);
const minutes = Number(process.env.MINUTES ?? 10);
const work = await mkdtemp(join(tmpdir(), "headwater-evening-"));
const ends = [];

/** What is done, and at which share of the time. */
const programme = [
  [0.1, "the primary (SRT) is killed", () => primary.kill()],
  [0.18, "it comes back", () => primary.start()],
  [0.28, "the primary freezes", () => primary.signal("SIGSTOP")],
  [0.36, "it goes on", () => primary.signal("SIGCONT")],
  [0.46, "the encoder is killed", () => killRole("headwater-encoder")],
  [0.56, "the origin is killed", () => killRole(" origin ")],
  [0.66, "both publishers are killed", () => { primary.kill(); backup.kill(); }],
  [0.71, "the backup (RTMP) comes back", () => backup.start()],
  [0.8, "the primary comes back", () => primary.start()],
];

/** Sends its file over and over, and again a second later where it ends unasked, as encoders do. */
class Publisher {
  constructor(file, format, url) {
    this.arguments = ["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-f", format, url];
  }
  start() {
    this.wanted = true;
    const child = spawn("ffmpeg", this.arguments, { stdio: "ignore" });
    child.on("exit", () => setTimeout(() => this.wanted && this.child === child && this.start(), 1000));
    this.child = child;
  }
  kill() {
    this.wanted = false;
    this.signal("SIGKILL");
  }
  signal(signal) {
    this.child?.kill(signal);
  }
}

/** A file that moves, with noise that takes as many bits as a camera's, and of which every picture tells by its colour whose it is. */
function material(name, cb, tone) {
  const file = join(work, name);
  const picture = `color=size=640x360:rate=30:duration=8,format=yuv420p,geq=lum='70+3*mod(N+X/8,30)':cb=${cb}:cr=100,noise=alls=16:allf=t`;
  const sound = `sine=frequency=${tone}:sample_rate=48000:duration=8`;
  const coded = "-c:v libx264 -preset fast -bf 2 -g 30 -keyint_min 30 -sc_threshold 0 -b:v 800k -c:a aac -ac 2 -b:a 96k".split(" ");
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, ...coded, file]);
  return file;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function freeDatagramPort() {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/** Kills the one child of the stack whose command line holds `part`. */
function killRole(part) {
  const processes = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(stack.pid)], { encoding: "utf8" });
  const found = processes.split("\n").filter((line) => line.includes(part));
  if (found.length === 0) throw new Error(`no child is \`${part}\`: ${processes}`);
  process.kill(Number.parseInt(found[0], 10), "SIGKILL");
}

const ports = { viewers: await freePort(), origin: await freePort(), rtmp: await freePort(), metrics: await freePort(), srt: await freeDatagramPort() };
const listen = Object.entries(ports).map(([name, port]) => `${name} = "127.0.0.1:${port}"`);
await writeFile(join(work, "workflow.toml"), `[listen]
${listen.join("\n")}
control = "off"

[[channel]]
name = "evening"
input = { srt = "evening", passphrase = "an-evening-of-bad-luck" }
backup = { rtmp = "live/evening-backup" }
preset = "ultrafast"
ladder = ["360p30", "240p30"]
[channel.failover]
clear = 5
`);
const log = join(work, "log");
const stack = spawn("bash", ["-c", 'exec "$0" up workflow.toml --data data 2>log', join(binaries, "headwater")], { cwd: work, stdio: "ignore" });
ends.push(() => stack.kill("SIGTERM"));
const server = `http://127.0.0.1:${ports.viewers}`;
const srt = `srt://127.0.0.1:${ports.srt}?streamid=evening&passphrase=an-evening-of-bad-luck`;
const primary = new Publisher(material("primary.ts", 200, 440), "mpegts", srt);
const backup = new Publisher(material("backup.flv", 70, 660), "flv", `rtmp://127.0.0.1:${ports.rtmp}/live/evening-backup`);
ends.push(() => primary.kill(), () => backup.kill());

try {
  process.exitCode = (await evening()) ? 0 : 1;
} catch (fault) {
  console.error((await readFile(log, "utf8").catch(() => "")).split("\n").slice(-30).join("\n"));
  throw fault;
} finally {
  for (const end of ends) end();
  await pause(1500);
  await rm(work, { recursive: true, force: true });
}

async function evening() {
  const events = [];
  await until("the edge answers", 30, () => fetch(`${server}/health`).then((answer) => answer.ok, () => false));
  const follower = spawn(join(binaries, "headwater"), ["events", "--follow", "--json"], { cwd: work, stdio: ["ignore", "pipe", "inherit"] });
  ends.push(() => follower.kill());
  createInterface(follower.stdout).on("line", (line) => events.push(JSON.parse(line)));
  primary.start();
  backup.start();
  const playlist = () => fetch(`${server}/evening/240p30/index.m3u8`).then((answer) => answer.text(), () => "");
  await until("the channel lists five segments", 60, async () => (await playlist()).split("#EXTINF").length > 5);

  const browser = await launch();
  ends.push(() => browser.close());
  const pages = await servePages(`${server}/evening`);
  ends.push(() => pages.stop());
  const page = await browser.newPage({ viewport: { width: 900, height: 560 } });
  await page.goto(`${pages.url}/page/hls.js`);
  await until("hls.js plays", 30, () => page.evaluate(() => window.facts().startup !== null));
  await pause(5000);

  const start = Date.now();
  const seconds = () => (Date.now() - start) / 1000;
  const deeds = [];
  const looks = [];
  const left = programme.map(([share, what, deed]) => ({ at: share * minutes * 60, what, deed }));
  while (seconds() < minutes * 60) {
    while (left.length > 0 && left[0].at <= seconds()) {
      const { what, deed } = left.shift();
      deeds.push({ at: seconds(), what });
      console.log(`${seconds().toFixed(1).padStart(6)} s  ${what}`);
      deed();
    }
    looks.push({ at: seconds(), ...(await page.evaluate(look)) });
    await pause(250);
  }
  const told = events
    .map((event) => ({ ...event, at: (Date.parse(event.time) - start) / 1000 }))
    .filter((event) => event.at >= 0);
  const { markdown, svg, text, stalls } = report({ minutes, deeds, events: told, looks });
  await writeFile(join(out, "evening.md"), markdown);
  await writeFile(join(out, "evening.svg"), svg);
  console.log(text);
  return stalls.length === 0;
}

/** In the page: where the player is, what it has before it, and whose picture is on the screen. */
function look() {
  const video = document.getElementById("video");
  window.pixel ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  // From the middle: the slate's words are there, the inputs have one colour everywhere.
  window.pixel.drawImage(video, video.videoWidth / 4, video.videoHeight / 8, 8, 8, 0, 0, 1, 1);
  const [red, green, blue] = window.pixel.getImageData(0, 0, 1, 1).data;
  const shows = blue > green + 25 ? "primary" : green > blue + 25 ? "backup" : red + green + blue < 30 ? "black" : "slate";
  const facts = window.facts();
  const { buffered } = video;
  const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : video.currentTime;
  return { shows, time: facts.time, ahead: end - video.currentTime, stalls: facts.stalls, faults: facts.faults, dropped: facts.dropped, frames: facts.frames, starved: facts.starved };
}
