// Lit at the live edge, with the seconds from camera to screen; behind it, tells how far and takes the viewer back.

import { part } from "./dom.ts";
import { clockTime, seconds } from "./format.ts";
import type { Numbers } from "./numbers.ts";
import type { Viewing } from "./viewing.ts";

const REFRESH_MS = 1000;

export class LiveButton {
  private readonly button = part<HTMLButtonElement>("live");
  private readonly label = part("live-label");
  private readonly latency = part("live-latency");
  private last = 0;

  constructor(
    private readonly viewing: Viewing,
    private readonly measure: () => Numbers,
  ) {
    this.button.addEventListener("click", () => viewing.goLive());
    this.render();
  }

  render(): void {
    const behind = this.viewing.behindLive;
    const lit = this.viewing.atLive;
    this.button.disabled = behind === null;
    this.button.dataset.lit = String(lit);
    this.label.textContent = lit || behind === null ? "Live" : `Go live  −${clockTime(behind)}`;
    this.renderLatency(lit);
    this.button.setAttribute("aria-label", lit ? "At the live edge" : "Go to the live edge");
    this.button.title = lit ? "At the live edge" : "Go to the live edge (l)";
  }

  /** Calmly: a number that changes five times a second is noise. */
  private renderLatency(lit: boolean): void {
    const now = performance.now();
    if (lit && now - this.last < REFRESH_MS) return;
    this.last = now;
    const { latency } = this.measure();
    this.latency.textContent = lit && latency !== null ? seconds(latency) : "";
  }
}
