// Whether the channel is on air: `status.json`, asked for again and again.

export type Presence = "unknown" | "on" | "off" | "lost";

/** How closely to watch: a page that is playing learns of trouble from the picture first. */
export type Attention = "close" | "calm";

const CLOSE_MS = 2000;
const CALM_MS = 10_000;
/** Each wait is drawn from ±25 %, so that an audience does not ask in step. */
const JITTER = 0.25;
const TIMEOUT_MS = 5000;
/** One failed question is a hiccup; this many in a row mean that the server cannot be reached. */
const FAILURES_TO_LOSE = 2;

export class PresenceWatch {
  private value: Presence = "unknown";
  private attention: Attention = "close";
  private failures = 0;
  private timer = 0;
  private asking = false;

  constructor(
    private readonly url: string,
    private readonly onChange: () => void,
  ) {
    addEventListener("online", () => this.askNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.askNow();
    });
    this.askNow();
  }

  get presence(): Presence {
    return this.value;
  }

  pay(attention: Attention): void {
    if (attention === this.attention) return;
    this.attention = attention;
    this.schedule();
  }

  askNow(): void {
    if (!this.asking) void this.ask();
  }

  private async ask(): Promise<void> {
    this.asking = true;
    const answer = await onAir(this.url);
    this.asking = false;
    this.failures = answer === "lost" ? this.failures + 1 : 0;
    const before = this.value;
    if (answer !== "lost" || this.failures >= FAILURES_TO_LOSE) this.value = answer;
    this.schedule();
    if (this.value !== before) this.onChange();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const base = this.attention === "close" ? CLOSE_MS : CALM_MS;
    this.timer = setTimeout(() => this.askNow(), base * (1 - JITTER + 2 * JITTER * Math.random()));
  }
}

async function onAir(url: string): Promise<Presence> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    // A channel nobody has pushed to yet has no status: it is off air, and may come.
    if (answer.status === 404) return "off";
    if (!answer.ok) return "lost";
    const status: unknown = await answer.json();
    const live = typeof status === "object" && status !== null && (status as { on_air?: unknown }).on_air === true;
    return live ? "on" : "off";
  } catch {
    return "lost";
  }
}
