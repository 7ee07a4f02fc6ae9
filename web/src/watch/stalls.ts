// Counts the times the picture froze while it should have moved.

/** A shorter freeze is a late frame, not a stall. Milliseconds. */
const LEAST_MS = 300;

export class Stalls {
  count = 0;
  totalMs = 0;
  private time = Number.NaN;
  private stillSince = 0;
  private counted = false;

  /**
   * One look at the playing position, in seconds; `now` in milliseconds. `shouldMove` is false while paused, seeking
   * or not yet started.
   */
  look(now: number, time: number, shouldMove: boolean): void {
    const moved = time !== this.time;
    this.time = time;
    if (moved || !shouldMove) {
      if (this.counted) this.totalMs += now - this.stillSince;
      this.stillSince = now;
      this.counted = false;
    } else if (!this.counted && now - this.stillSince >= LEAST_MS) {
      this.count += 1;
      this.counted = true;
    }
  }

  /** The freeze under way was the end of the broadcast: no fault of the delivery. */
  forgive(): void {
    if (this.counted) this.count -= 1;
    this.counted = false;
    this.time = Number.NaN;
  }
}
