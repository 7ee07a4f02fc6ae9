// Lit at the live edge; behind it, tells how far and takes the viewer back.

import { part } from "./dom.ts";
import { clockTime } from "./format.ts";
import type { Viewing } from "./viewing.ts";

export class LiveButton {
  private readonly button = part<HTMLButtonElement>("live");
  private readonly label = part("live-label");

  constructor(private readonly viewing: Viewing) {
    this.button.addEventListener("click", () => viewing.goLive());
    this.render();
  }

  render(): void {
    const behind = this.viewing.behindLive;
    const lit = this.viewing.atLive;
    this.button.disabled = behind === null;
    this.button.dataset.lit = String(lit);
    this.label.textContent = lit || behind === null ? "Live" : `Go live  −${clockTime(behind)}`;
    this.button.setAttribute("aria-label", lit ? "At the live edge" : "Go to the live edge");
    this.button.title = lit ? "At the live edge" : "Go to the live edge (l)";
  }
}
