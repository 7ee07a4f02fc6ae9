// The server's clock, as seen from here: the viewer's own may be minutes wrong, and latency is a difference of two clocks.

const SAMPLES = 4;
const SAMPLE_GAP_MS = 400;
const RESYNC_MS = 5 * 60_000;

/** One exchange with the server; `sent` and `received` are on the local monotonic clock. All in milliseconds. */
export interface Exchange {
  readonly sent: number;
  readonly received: number;
  readonly server: number;
}

/**
 * What to add to the local monotonic clock to get the server's, from the exchange with the shortest round trip:
 * it leaves the least room for the two directions to differ.
 */
export function offsetOf(exchanges: readonly Exchange[]): number | null {
  let best: Exchange | null = null;
  for (const each of exchanges) {
    if (best === null || each.received - each.sent < best.received - best.sent) best = each;
  }
  return best && best.server - (best.sent + best.received) / 2;
}

export class ServerClock {
  private offset: number | null = null;

  constructor(private readonly url: string) {
    void this.keepInStep();
  }

  /** Milliseconds since the epoch at the server, or null until it has answered once. */
  now(): number | null {
    return this.offset === null ? null : performance.now() + this.offset;
  }

  private async keepInStep(): Promise<never> {
    for (;;) {
      const exchanges: Exchange[] = [];
      for (let i = 0; i < SAMPLES; i++) {
        const exchange = await this.exchange();
        if (exchange) exchanges.push(exchange);
        this.offset = offsetOf(exchanges) ?? this.offset;
        await pause(SAMPLE_GAP_MS);
      }
      await pause(exchanges.length > 0 ? RESYNC_MS : SAMPLE_GAP_MS * 10);
    }
  }

  private async exchange(): Promise<Exchange | null> {
    try {
      const sent = performance.now();
      const answer = await fetch(this.url, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      const received = performance.now();
      const server = Date.parse((await answer.text()).trim());
      return answer.ok && Number.isFinite(server) ? { sent, received, server } : null;
    } catch {
      return null;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
