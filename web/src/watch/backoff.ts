// How long to wait before trying again.

const FIRST_MS = 500;
const LONGEST_MS = 8000;
/** Playing this long means that the trouble is over. */
const CALM_MS = 10_000;

export class Backoff {
  private tries = 0;
  private lastTrouble = 0;

  /** The wait after one more failure: doubling, bounded, and spread by half so that an audience does not return in step. */
  next(now: number): number {
    if (now - this.lastTrouble > CALM_MS + LONGEST_MS) this.tries = 0;
    this.lastTrouble = now;
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.tries);
    this.tries = Math.min(this.tries + 1, 10);
    return ceiling * (0.5 + Math.random() / 2);
  }

  /** Failures since the last calm stretch. */
  get failures(): number {
    return this.tries;
  }

  reset(): void {
    this.tries = 0;
  }
}
