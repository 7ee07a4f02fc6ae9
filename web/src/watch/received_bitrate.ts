// The media bitrate of what arrived lately, from segment sizes and durations.

/** Enough to be steady, short enough to follow a change of rung. */
const SEGMENTS = 6;

export class ReceivedBitrate {
  private readonly recent = new Map<string, { bits: number; seconds: number }[]>();

  /** One segment of one kind of track (`main`, `audio`) has been buffered. */
  add(kind: string, bytes: number, seconds: number): void {
    if (!(bytes > 0 && seconds > 0)) return;
    const list = this.recent.get(kind) ?? [];
    list.push({ bits: bytes * 8, seconds });
    if (list.length > SEGMENTS) list.shift();
    this.recent.set(kind, list);
  }

  /** The sum over kinds of track, bits per second. */
  get bps(): number | null {
    let sum: number | null = null;
    for (const list of this.recent.values()) {
      const bits = list.reduce((total, each) => total + each.bits, 0);
      const seconds = list.reduce((total, each) => total + each.seconds, 0);
      sum = (sum ?? 0) + bits / seconds;
    }
    return sum;
  }
}
