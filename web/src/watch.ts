// The watch page: one channel, played as it happens.

import { channelAt } from "./watch/channel.ts";
import { ServerClock } from "./watch/clock.ts";
import { part } from "./watch/dom.ts";
import { listenToKeys } from "./watch/keys.ts";
import { LiveButton } from "./watch/live_button.ts";
import { Notice } from "./watch/notice.ts";
import { type Numbers, measure } from "./watch/numbers.ts";
import { PlaybackButtons } from "./watch/playback_buttons.ts";
import { QualityMenu } from "./watch/quality_menu.ts";
import { Scrubber } from "./watch/scrubber.ts";
import type { State } from "./watch/state.ts";
import { StatsPanel } from "./watch/stats_panel.ts";
import { Veil } from "./watch/veil.ts";
import { Viewing } from "./watch/viewing.ts";

declare global {
  interface Window {
    /** For tests and operators: what this page is doing, as a plain object. */
    headwater: { state(): Numbers };
  }
}

const channel = channelAt(location);
const video = part<HTMLVideoElement>("video");
const frame = part("watch");
const help = part<HTMLDialogElement>("help");

const clock = new ServerClock("/_/time");
const viewing: Viewing = new Viewing(video, channel, { stateChanged, ticked, rungsChanged });
window.headwater = { state: () => measure(viewing, video, clock) };

const notice = new Notice(channel, () => viewing.play());
const buttons = new PlaybackButtons(video, frame, viewing);
const quality = new QualityMenu(viewing);
const live = new LiveButton(viewing, window.headwater.state);
const scrubber = new Scrubber(video, viewing);
const stats = new StatsPanel(window.headwater.state);
const veil = new Veil(
  frame,
  part("stage"),
  () => viewing.state === "playing" && !quality.open,
  () => viewing.toggle(),
  () => buttons.toggleFullscreen(),
);

listenToKeys({
  toggle: () => viewing.toggle(),
  mute: () => buttons.toggleMute(),
  fullscreen: () => buttons.toggleFullscreen(),
  live: () => viewing.goLive(),
  stats: () => stats.toggle(),
  help: () => help.showModal(),
  seekBy: (seconds) => viewing.seek(video.currentTime + seconds),
  louder: (steps) => buttons.louder(steps),
});
part("help-toggle").addEventListener("click", () => help.showModal());
help.addEventListener("click", (event) => {
  if (event.target === help) help.close();
});

part("channel").textContent = channel.name;
if ("mediaSession" in navigator) navigator.mediaSession.metadata = new MediaMetadata({ title: channel.name, artist: "Headwater" });
stateChanged(viewing.state);

function stateChanged(state: State): void {
  frame.dataset.state = state;
  const onAir = viewing.engine !== null;
  const badge = part("badge");
  badge.dataset.onAir = String(onAir);
  badge.textContent = onAir ? "Live" : state === "off-air" ? "Off air" : "";
  document.title = `${channel.name} · ${onAir ? "live" : state === "off-air" ? "off air" : "Headwater"}`;
  notice.render(state);
  veil.wake();
  rungsChanged();
  ticked();
}

function ticked(): void {
  buttons.render();
  live.render();
  scrubber.render();
  stats.render();
}

function rungsChanged(): void {
  quality.render();
}
