// The live window as a line: where the viewer is in it, and a way to another place.

import { part } from "./dom.ts";
import { clockTime } from "./format.ts";
import type { Viewing } from "./viewing.ts";

/** A shorter window is not worth moving in. Seconds. */
const LEAST_WINDOW = 15;

export class Scrubber {
  private readonly range = part<HTMLInputElement>("scrubber");
  private held = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly viewing: Viewing,
  ) {
    this.range.addEventListener("pointerdown", () => (this.held = true));
    this.range.addEventListener("change", () => {
      this.held = false;
      viewing.seek(Number(this.range.value));
    });
    this.range.addEventListener("input", () => this.paint(Number(this.range.value)));
    this.render();
  }

  render(): void {
    const window = this.viewing.engine?.window ?? null;
    const live = this.viewing.engine?.livePoint ?? null;
    const useful = window !== null && live !== null && live - window.start >= LEAST_WINDOW;
    this.range.disabled = !useful;
    if (!useful || this.held) return;
    this.range.min = String(window.start);
    this.range.max = String(live);
    const position = this.viewing.atLive ? live : this.video.currentTime;
    this.range.value = String(position);
    this.paint(position);
  }

  private paint(position: number): void {
    const { min, max } = this.range;
    const span = Math.max(1, Number(max) - Number(min));
    const fill = Math.min(1, Math.max(0, (position - Number(min)) / span));
    this.range.style.setProperty("--fill", `${fill * 100}%`);
    const behind = Number(max) - position;
    this.range.setAttribute("aria-valuetext", behind < 1 ? "live" : `${clockTime(behind)} behind live`);
  }
}
