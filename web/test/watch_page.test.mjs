// The watch page in Chromium, on desktop and phone sizes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { channel, launch, out, pause, server, troubles, until } from "./browser.mjs";

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

const state = (page) => page.evaluate(() => window.headwater.state());

async function playing(page, name = channel) {
  await page.goto(`${server}/${name}/`);
  await until("the page plays", 30, async () => (await state(page)).state === "playing" && (await state(page)).time > 0);
}

for (const [size, width, height] of [["desktop", 1280, 800], ["phone", 390, 844]]) {
  test(`it plays and fits on a ${size}`, { timeout: 120_000 }, async () => {
    const page = await browser.newPage({ viewport: { width, height }, hasTouch: size === "phone" });
    const seen = troubles(page);
    await playing(page);
    await pause(4000);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    for (const id of ["play", "mute", "live", "quality", "stats-toggle", "fullscreen"]) {
      const box = await page.locator(`#${id}`).boundingBox();
      assert.ok(box, `#${id} is shown`);
      assert.ok(box.x >= 0 && box.x + box.width <= width + 0.5, `#${id} lies within the page: ${JSON.stringify(box)}`);
      if (size === "phone") assert.ok(box.width >= 44 && box.height >= 44, `#${id} can be touched: ${JSON.stringify(box)}`);
    }
    await page.screenshot({ path: `${out}${size}.png` });
    const now = await state(page);
    assert.equal(now.stalls, 0, JSON.stringify(now));
    assert.ok(now.latency > 0 && now.latency < 30, JSON.stringify(now));
    assert.deepEqual(seen, []);
    await page.close();
  });
}

test("the quality menu, the statistics and the live button work", { timeout: 120_000 }, async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await playing(page);
  const { rungs } = await until("the rungs are known", 10, async () => (await state(page)).rungs.length > 1 && (await state(page)));

  for (const rung of [rungs[0], rungs.at(-1)]) {
    await page.mouse.move(640, 400);
    await page.locator("#quality").click();
    await page.locator("#quality-menu").getByText(rung, { exact: false }).first().click();
    await until(`${rung} is shown`, 30, async () => (await state(page)).rung === rung);
  }
  await page.locator("#quality").click();
  await page.locator("#quality-menu").getByText("Auto", { exact: false }).first().click();
  await until("Auto is back", 10, async () => (await state(page)).choice === "auto");

  await page.keyboard.press("s");
  await until("the statistics fill", 10, async () => /\d/.test(await page.locator("#stat-latency").innerText()) && /\d/.test(await page.locator("#stat-buffer").innerText()));
  for (const id of ["rung", "resolution", "bitrate", "dropped"]) {
    assert.match(await page.locator(`#stat-${id}`).innerText(), /\d/, id);
  }
  await page.screenshot({ path: `${out}statistics.png` });

  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await until("the page is behind", 10, async () => !(await state(page)).atLive);
  await page.locator("#live").click();
  await until("the page is live again", 15, async () => (await state(page)).atLive);
  await page.close();
});

test("a channel off air says so, starts by itself, and starts again when its publisher is back", { timeout: 240_000 }, async (context) => {
  const url = process.env.HEADWATER_PUSH_URL;
  if (!url) return context.skip("HEADWATER_PUSH_URL tells where to publish");
  const name = process.env.HEADWATER_PUSH_CHANNEL;
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${server}/${name}/`);
  await until("it says that it is off air", 20, async () => (await state(page)).state === "off-air");
  assert.match(await page.locator("#notice-title").innerText(), /off air/i);
  await page.screenshot({ path: `${out}off_air.png` });

  let publisher = publish(url);
  try {
    await until("it starts by itself", 40, async () => (await state(page)).state === "playing");
    publisher.kill("SIGKILL");
    await until("it says that it is off air again", 90, async () => (await state(page)).state === "off-air");
    publisher = publish(url);
    await until("it starts again", 60, async () => (await state(page)).state === "playing");
  } finally {
    publisher.kill("SIGKILL");
  }
  await page.close();
});

test("the list of channels tells which are on air", { timeout: 60_000 }, async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const seen = troubles(page);
  await page.goto(`${server}/`);
  await until("the channel is listed", 15, async () => (await page.locator(`a[href="/${channel}/"]`).count()) > 0);
  await page.screenshot({ path: `${out}channels.png` });
  assert.deepEqual(seen, []);
  await page.close();
});

/** Publishes a small test picture with a tone. */
function publish(url) {
  const input = ["-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
  const video = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "600k", "-g", "30", "-pix_fmt", "yuv420p"];
  return spawn("ffmpeg", ["-nostdin", "-v", "error", ...input, ...video, "-c:a", "aac", "-ac", "2", "-f", "flv", url], { stdio: "ignore" });
}
