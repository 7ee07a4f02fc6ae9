// The browser's own HLS: Safari on devices without Media Source Extensions. It picks the rungs itself and does not
// tell which there are.

import type { Engine, EngineListener, Fault, Rung, Window } from "./engine.ts";

const TYPE = "application/vnd.apple.mpegurl";
/** Apple's players hold back three target durations; the element does not say how long one is. Seconds. */
const HOLD_BACK = 6;

interface DatedVideo extends HTMLVideoElement {
  /** The date of media time zero; an invalid date where the playlist has none. */
  getStartDate?(): Date;
}

export class NativeEngine implements Engine {
  readonly rungs: readonly Rung[] = [];
  readonly shown = null;
  readonly choice = "auto";
  readonly bitrateBps = null;
  readonly throughputBps = null;
  readonly liveTolerance = HOLD_BACK;
  private readonly listening = new AbortController();

  static supported(video: HTMLVideoElement): boolean {
    return video.canPlayType(TYPE) !== "";
  }

  constructor(
    private readonly video: DatedVideo,
    private readonly playlist: string,
    listener: EngineListener,
  ) {
    video.addEventListener("error", () => listener.fault(faultOf(video.error)), { signal: this.listening.signal });
    video.addEventListener("resize", () => listener.rungsChanged(), { signal: this.listening.signal });
    video.src = playlist;
  }

  choose(): void {}

  get livePoint(): number | null {
    const window = this.window;
    return window && Math.max(window.start, window.end - HOLD_BACK);
  }

  get window(): Window | null {
    const { seekable } = this.video;
    return seekable.length === 0 ? null : { start: seekable.start(0), end: seekable.end(seekable.length - 1) };
  }

  get frameDate(): number | null {
    const start = this.video.getStartDate?.().getTime() ?? Number.NaN;
    return Number.isNaN(start) ? null : start + this.video.currentTime * 1000;
  }

  recover(): void {
    this.video.src = this.playlist;
    this.video.load();
  }

  destroy(): void {
    this.listening.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

function faultOf(error: MediaError | null): Fault {
  const detail = error?.message || "the browser gave no reason";
  // MEDIA_ERR_SRC_NOT_SUPPORTED also stands for a playlist that answered 404, so it is worth another try.
  return { kind: error?.code === MediaError.MEDIA_ERR_DECODE ? "media" : "network", detail };
}
