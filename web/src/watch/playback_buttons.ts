// Play and pause, sound, full screen and picture in picture.

import { part, setIcon, setLabel } from "./dom.ts";
import { rememberSound, rememberedSound } from "./preferences.ts";
import type { Viewing } from "./viewing.ts";

interface AppleVideo extends HTMLVideoElement {
  webkitEnterFullscreen?(): void;
  webkitSupportsPresentationMode?(mode: string): boolean;
  webkitSetPresentationMode?(mode: string): void;
  webkitPresentationMode?: string;
}

const VOLUME_STEP = 0.1;

export class PlaybackButtons {
  private readonly playButton = part<HTMLButtonElement>("play");
  private readonly muteButton = part<HTMLButtonElement>("mute");
  private readonly volume = part<HTMLInputElement>("volume");
  private readonly unmute = part<HTMLButtonElement>("unmute");
  private readonly fullscreenButton = part<HTMLButtonElement>("fullscreen");
  private readonly pipButton = part<HTMLButtonElement>("pip");

  constructor(
    private readonly video: AppleVideo,
    private readonly frame: HTMLElement,
    private readonly viewing: Viewing,
  ) {
    const sound = rememberedSound();
    video.volume = sound.volume;
    video.muted = sound.muted;
    this.playButton.addEventListener("click", () => viewing.toggle());
    this.muteButton.addEventListener("click", () => this.toggleMute());
    this.unmute.addEventListener("click", () => this.toggleMute());
    this.volume.addEventListener("input", () => this.setVolume(Number(this.volume.value)));
    video.addEventListener("volumechange", () => this.renderSound());
    this.fullscreenButton.addEventListener("click", () => this.toggleFullscreen());
    this.fullscreenButton.hidden = !document.fullscreenEnabled && !video.webkitEnterFullscreen;
    document.addEventListener("fullscreenchange", () => this.renderFullscreen());
    this.pipButton.addEventListener("click", () => this.togglePip());
    this.pipButton.hidden = !document.pictureInPictureEnabled && !video.webkitSupportsPresentationMode?.("picture-in-picture");
    this.renderSound();
    this.renderFullscreen();
    this.render();
  }

  render(): void {
    const running = this.viewing.state !== "paused" && this.viewing.state !== "blocked";
    setIcon(this.playButton, running ? "i-pause" : "i-play");
    setLabel(this.playButton, running ? "Pause" : "Play", "space");
    this.playButton.disabled = this.viewing.engine === null;
    this.pipButton.disabled = this.viewing.engine === null;
    const audible = this.viewing.state === "playing" || this.viewing.state === "buffering";
    this.unmute.hidden = !(this.video.muted && audible);
  }

  toggleMute(): void {
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.video.volume = 0.5;
    rememberSound(this.video);
  }

  louder(steps: number): void {
    this.setVolume(this.video.volume + steps * VOLUME_STEP);
  }

  toggleFullscreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (document.fullscreenEnabled) void this.frame.requestFullscreen().then(lieDown);
    else this.video.webkitEnterFullscreen?.();
  }

  private togglePip(): void {
    if (document.pictureInPictureElement) void document.exitPictureInPicture();
    else if (document.pictureInPictureEnabled) this.video.requestPictureInPicture().catch(() => {});
    else {
      const inline = this.video.webkitPresentationMode === "picture-in-picture";
      this.video.webkitSetPresentationMode?.(inline ? "inline" : "picture-in-picture");
    }
  }

  private setVolume(volume: number): void {
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.video.muted = this.video.volume === 0;
    rememberSound(this.video);
  }

  private renderSound(): void {
    const { muted, volume } = this.video;
    const heard = muted ? 0 : volume;
    setIcon(this.muteButton, heard === 0 ? "i-mute" : heard < 0.5 ? "i-quiet" : "i-loud");
    setLabel(this.muteButton, muted ? "Unmute" : "Mute", "m");
    this.volume.value = String(heard);
    this.volume.style.setProperty("--fill", `${heard * 100}%`);
    this.volume.setAttribute("aria-valuetext", `${Math.round(heard * 100)} %`);
    this.render();
  }

  private renderFullscreen(): void {
    const full = document.fullscreenElement !== null;
    setIcon(this.fullscreenButton, full ? "i-shrink" : "i-expand");
    setLabel(this.fullscreenButton, full ? "Leave full screen" : "Full screen", "f");
  }
}

/** Turns a phone's screen the way the picture lies, where the browser lets a page ask. */
function lieDown(): void {
  const orientation = screen.orientation as ScreenOrientation & { lock?(to: string): Promise<void> };
  orientation.lock?.("landscape").catch(() => {});
}
