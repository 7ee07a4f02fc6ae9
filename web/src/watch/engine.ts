// What plays the media: hls.js over Media Source Extensions, or the browser itself where there are none.

/** One rendition of the ladder. */
export interface Rung {
  /** As channel files name rungs: `720p30`. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number | null;
  /** As the playlist declares it, bits per second. */
  readonly bitrateBps: number;
}

export type Fault =
  /** A fetch failed past the engine's own retries, or the decoder tripped: worth another try. */
  | { readonly kind: "network" | "media"; readonly detail: string }
  /** Nothing on offer can be decoded here. */
  | { readonly kind: "unplayable"; readonly detail: string };

export interface EngineListener {
  rungsChanged(): void;
  fault(fault: Fault): void;
}

/** Seconds on the media element's own line. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

export interface Engine {
  /** Lowest bitrate first; empty where the browser does not tell. */
  readonly rungs: readonly Rung[];
  /** The rung on screen, an index into `rungs`. */
  readonly shown: number | null;
  /** The viewer's choice. */
  readonly choice: number | "auto";
  choose(choice: number | "auto"): void;
  /** Where "live" is: as near the edge as the playlist's hold-back lets a player sit. */
  readonly livePoint: number | null;
  /** How far behind `livePoint` still counts as live, seconds. */
  readonly liveTolerance: number;
  /** What can be seeked in. */
  readonly window: Window | null;
  /** When the frame on screen was made: EXT-X-PROGRAM-DATE-TIME, milliseconds since the epoch. */
  readonly frameDate: number | null;
  /** What arrived lately, bits per second of media. */
  readonly bitrateBps: number | null;
  /** What the network could carry, bits per second. */
  readonly throughputBps: number | null;
  /** Tries to go on after a fault, keeping what is buffered. */
  recover(fault: Fault): void;
  destroy(): void;
}

/** Names a rung as channel files do. */
export function rungName(height: number, frameRate: number | null): string {
  return frameRate === null ? `${height}p` : `${height}p${Math.round(frameRate)}`;
}
