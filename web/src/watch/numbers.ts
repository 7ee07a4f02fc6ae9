// Everything measured about a viewing, at one moment: what the statistics panel shows and `headwater.state()` returns.

import type { ServerClock } from "./clock.ts";
import type { Rung } from "./engine.ts";
import type { State } from "./state.ts";
import type { Viewing } from "./viewing.ts";

export interface Numbers {
  state: State;
  /** Playing position on the media element's line, seconds. */
  time: number;
  /** From the frame's EXT-X-PROGRAM-DATE-TIME to now by the server's clock, seconds. */
  latency: number | null;
  /** Media ahead of the playing position, seconds. */
  buffer: number;
  /** Media received lately, bits per second; what the playlist declares until something has been. */
  bitrate: number | null;
  /** What the network could carry, bits per second. */
  throughput: number | null;
  /** Name of the rung on screen. */
  rung: string | null;
  rungs: string[];
  /** The viewer's choice: a rung's name or `auto`. */
  choice: string;
  width: number;
  height: number;
  frameRate: number | null;
  /** Frames decoded, and those of them that came too late to be shown. */
  frames: number;
  dropped: number;
  stalls: number;
  /** Time spent in stalls, seconds. */
  stalled: number;
  atLive: boolean;
  /** From the page's start to its first frame, milliseconds. */
  startup: number | null;
}

export function measure(viewing: Viewing, video: HTMLVideoElement, clock: ServerClock): Numbers {
  const { engine } = viewing;
  const rungs: readonly Rung[] = engine?.rungs ?? [];
  const shown = rungs[engine?.shown ?? -1] ?? null;
  const chosen = engine && engine.choice !== "auto" ? rungs[engine.choice] : undefined;
  const frameDate = engine?.frameDate ?? null;
  const serverNow = clock.now();
  const quality = video.getVideoPlaybackQuality();
  return {
    state: viewing.state,
    time: video.currentTime,
    latency: frameDate === null || serverNow === null ? null : (serverNow - frameDate) / 1000,
    buffer: viewing.bufferAhead,
    bitrate: engine?.bitrateBps ?? shown?.bitrateBps ?? null,
    throughput: engine?.throughputBps ?? null,
    rung: shown?.name ?? null,
    rungs: rungs.map((rung) => rung.name),
    choice: chosen?.name ?? "auto",
    width: video.videoWidth,
    height: video.videoHeight,
    frameRate: shown?.frameRate ?? null,
    frames: quality.totalVideoFrames,
    dropped: quality.droppedVideoFrames,
    stalls: viewing.stalls.count,
    stalled: viewing.stalls.totalMs / 1000,
    atLive: viewing.atLive,
    startup: viewing.startupMs,
  };
}
