// The statistics, on demand.

import { part } from "./dom.ts";
import { bitrate, seconds } from "./format.ts";
import type { Numbers } from "./numbers.ts";
import { Trace } from "./trace.ts";

const REFRESH_MS = 500;

export class StatsPanel {
  private readonly panel = part("stats");
  private readonly button = part<HTMLButtonElement>("stats-toggle");
  private readonly latency = new Trace(part<SVGPolylineElement>("trace-latency"));
  private readonly buffer = new Trace(part<SVGPolylineElement>("trace-buffer"));
  private last = 0;

  constructor(private readonly measure: () => Numbers) {
    this.button.addEventListener("click", () => this.toggle());
    part("stats-close").addEventListener("click", () => this.toggle());
  }

  get open(): boolean {
    return !this.panel.hidden;
  }

  toggle(): void {
    this.panel.hidden = this.open;
    this.button.setAttribute("aria-expanded", String(this.open));
    this.last = 0;
    this.render();
  }

  /** Traces go on while the panel is shut, so that opening it shows the last minute. */
  render(): void {
    const now = performance.now();
    if (now - this.last < REFRESH_MS) return;
    this.last = now;
    const n = this.measure();
    const running = n.state === "playing" || n.state === "buffering";
    this.latency.add(running ? n.latency : null);
    this.buffer.add(running ? n.buffer : null);
    if (!this.open) return;
    const shown = n.width > 0;
    set("latency", seconds(running || n.state === "paused" ? n.latency : null));
    set("buffer", seconds(shown ? n.buffer : null));
    set("bitrate", bitrate(shown ? n.bitrate : null));
    set("throughput", bitrate(shown ? n.throughput : null));
    set("resolution", shown ? `${n.width} × ${n.height}` + (n.frameRate ? ` · ${Math.round(n.frameRate)} fps` : "") : "–");
    set("rung", n.rung === null ? "–" : n.choice === "auto" ? `${n.rung} · Auto` : n.rung);
    set("dropped", shown ? `${n.dropped} of ${n.frames}` : "–");
    set("stalls", n.stalls === 0 ? "none" : `${n.stalls} · ${seconds(n.stalled)}`);
  }
}

function set(name: string, text: string): void {
  const element = part(`stat-${name}`);
  if (element.textContent !== text) element.textContent = text;
}
