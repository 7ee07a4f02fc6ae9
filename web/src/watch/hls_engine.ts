// hls.js, told what to do.

import Hls, { ErrorDetails, ErrorTypes, Events, type ErrorData } from "hls.js";
import { type Engine, type EngineListener, type Fault, type Rung, type Window, rungName } from "./engine.ts";
import { ReceivedBitrate } from "./received_bitrate.ts";

/** Seconds kept behind the playing position, for stepping back without a fetch. */
const BACK_BUFFER = 30;

/** Fast enough to win back a second in twenty, slow enough not to be heard. */
const CATCH_UP_RATE = 1.05;

/** What no retry can mend: the browser has no decoder for it. */
const UNPLAYABLE: ReadonlySet<string> = new Set([
  ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_ADD_CODEC_ERROR,
]);

export class HlsEngine implements Engine {
  rungs: readonly Rung[] = [];
  private readonly hls: Hls;
  private readonly received = new ReceivedBitrate();

  static supported(): boolean {
    return Hls.isSupported();
  }

  constructor(video: HTMLVideoElement, playlist: string, listener: EngineListener) {
    const hls = new Hls({
      // Segments are fMP4: there is nothing to remux, and a worker would only cost a copy.
      enableWorker: false,
      backBufferLength: BACK_BUFFER,
      // A phone need not fetch more pixels than it has.
      capLevelToPlayerSize: true,
      startFragPrefetch: true,
      // On low-latency channels, what a stall lost is won back by playing a little faster.
      maxLiveSyncPlaybackRate: CATCH_UP_RATE,
    });
    this.hls = hls;
    hls.on(Events.MANIFEST_PARSED, () => {
      this.rungs = hls.levels.map((level) => {
        const frameRate = level.frameRate > 0 ? level.frameRate : null;
        const { width, height, bitrate } = level;
        return { name: rungName(height, frameRate), width, height, frameRate, bitrateBps: bitrate };
      });
      listener.rungsChanged();
    });
    hls.on(Events.LEVEL_SWITCHED, () => listener.rungsChanged());
    hls.on(Events.FRAG_BUFFERED, (_, { frag, part, stats }) => {
      if (!part) this.received.add(frag.type, stats.total || stats.loaded, frag.duration);
    });
    hls.on(Events.ERROR, (_, data) => {
      if (data.fatal) listener.fault(faultOf(data));
    });
    hls.loadSource(playlist);
    hls.attachMedia(video);
  }

  get shown(): number | null {
    return this.hls.currentLevel >= 0 ? this.hls.currentLevel : null;
  }

  get choice(): number | "auto" {
    return this.hls.autoLevelEnabled ? "auto" : this.hls.manualLevel;
  }

  choose(choice: number | "auto"): void {
    this.hls.nextLevel = choice === "auto" ? -1 : choice;
  }

  get livePoint(): number | null {
    return this.hls.liveSyncPosition;
  }

  get liveTolerance(): number {
    const details = this.hls.latestLevelDetails;
    // Players sit three parts behind the edge where there are parts, three segments where there are none.
    return details?.partTarget ? 3 * details.partTarget : 1.5 * (details?.targetduration ?? 2);
  }

  get window(): Window | null {
    const details = this.hls.latestLevelDetails;
    const first = details?.fragments[0];
    return details && first ? { start: first.start, end: details.edge } : null;
  }

  get frameDate(): number | null {
    return this.hls.playingDate?.getTime() ?? null;
  }

  get bitrateBps(): number | null {
    return this.received.bps;
  }

  get throughputBps(): number | null {
    const estimate = this.hls.bandwidthEstimate;
    return Number.isFinite(estimate) ? estimate : null;
  }

  recover(fault: Fault): void {
    if (fault.kind === "media") this.hls.recoverMediaError();
    else this.hls.startLoad();
  }

  destroy(): void {
    this.hls.destroy();
  }
}

function faultOf(data: ErrorData): Fault {
  const detail = data.reason ?? data.error?.message ?? data.details;
  if (UNPLAYABLE.has(data.details)) return { kind: "unplayable", detail };
  return { kind: data.type === ErrorTypes.MEDIA_ERROR ? "media" : "network", detail };
}
