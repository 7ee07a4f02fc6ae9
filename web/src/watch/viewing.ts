// One viewer watching one channel: gathers the facts, asks `nextState`, and does what the state calls for.

import { Backoff } from "./backoff.ts";
import type { Channel } from "./channel.ts";
import type { Engine, EngineListener, Fault } from "./engine.ts";
import { HlsEngine } from "./hls_engine.ts";
import { NativeEngine } from "./native_engine.ts";
import { PresenceWatch } from "./presence.ts";
import { Stalls } from "./stalls.ts";
import { type State, needsEngine, nextState } from "./state.ts";

const TICK_MS = 200;
/** On air and nothing to see for this long: begin again from the playlist. */
const STUCK_MS = 12_000;
/** A decoder that trips this often before the first frame will never show one. */
const MEDIA_FAULTS_TO_GIVE_UP = 4;

export interface ViewingListener {
  stateChanged(state: State): void;
  /** Five times a second: positions and numbers may have changed. */
  ticked(): void;
  rungsChanged(): void;
}

export class Viewing implements EngineListener {
  readonly stalls = new Stalls();
  /** From the page's start to the first frame of all, milliseconds. */
  startupMs: number | null = null;
  engine: Engine | null = null;
  private current: State = "connecting";
  private since = performance.now();
  private wants: "play" | "pause" = "play";
  private blocked = false;
  private unplayable = false;
  private started = false;
  private mediaFaults = 0;
  private retry = 0;
  private readonly backoff = new Backoff();
  private readonly presence: PresenceWatch;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly channel: Channel,
    private readonly listener: ViewingListener,
  ) {
    this.presence = new PresenceWatch(channel.status, () => this.presenceChanged());
    video.addEventListener("playing", () => this.playing());
    video.addEventListener("waiting", () => this.presence.askNow());
    video.addEventListener("play", () => this.wantsNow("play"));
    video.addEventListener("pause", () => this.wantsNow("pause"));
    setInterval(() => this.tick(), TICK_MS);
  }

  get state(): State {
    return this.current;
  }

  /** Seconds buffered ahead of the frame on screen. */
  get bufferAhead(): number {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.1 && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  /** Seconds between the frame on screen and the live point; null while there is neither. */
  get behindLive(): number | null {
    const live = this.engine?.livePoint ?? null;
    return live === null || !this.started ? null : Math.max(0, live - this.video.currentTime);
  }

  get atLive(): boolean {
    const behind = this.behindLive;
    return behind !== null && this.engine !== null && behind <= this.engine.liveTolerance;
  }

  play(): void {
    this.wants = "play";
    this.blocked = false;
    const window = this.engine?.window;
    if (window && this.video.currentTime < window.start) this.goLive();
    void this.startPlaying();
    this.update();
  }

  pause(): void {
    this.wants = "pause";
    this.video.pause();
    this.update();
  }

  toggle(): void {
    if (this.current === "paused" || this.current === "blocked") this.play();
    else if (this.engine) this.pause();
  }

  goLive(): void {
    const live = this.engine?.livePoint ?? null;
    if (live === null) return;
    this.video.currentTime = live;
    if (this.wants === "pause") this.play();
  }

  /** Seeks to a position, kept within what the playlist offers. */
  seek(position: number): void {
    const window = this.engine?.window;
    const live = this.engine?.livePoint;
    if (!window || live === null || live === undefined) return;
    this.video.currentTime = Math.min(Math.max(position, window.start + 1), live);
  }

  rungsChanged(): void {
    this.listener.rungsChanged();
  }

  fault(fault: Fault): void {
    switch (fault.kind) {
      case "unplayable":
        this.unplayable = true;
        break;
      case "media":
        this.mediaFaults += 1;
        if (!this.started && this.mediaFaults >= MEDIA_FAULTS_TO_GIVE_UP) this.unplayable = true;
        else this.tryAgain(() => (this.mediaFaults <= 1 ? this.engine?.recover(fault) : this.rebuild()));
        break;
      case "network":
        this.presence.askNow();
        // With a ladder in hand the engine can go on where it was; without one there is nothing to go on from.
        this.tryAgain(() => (this.engine?.rungs.length ? this.engine.recover(fault) : this.rebuild()));
        break;
    }
    this.update();
  }

  private tryAgain(action: () => void): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if (this.engine) action();
    }, this.backoff.next(performance.now()));
  }

  private rebuild(): void {
    this.dropEngine();
    this.update();
  }

  private presenceChanged(): void {
    if (this.presence.presence === "off") this.unplayable = false;
    if (this.presence.presence === "on") this.backoff.reset();
    this.update();
  }

  private playing(): void {
    this.started = true;
    this.blocked = false;
    this.startupMs ??= performance.now();
    this.update();
  }

  /** The element was played or paused by someone: our buttons, a media key, the picture-in-picture window. */
  private wantsNow(wants: "play" | "pause"): void {
    if (!this.engine || this.video.ended) return;
    this.wants = wants;
    this.update();
  }

  private tick(): void {
    this.update();
    const now = performance.now();
    const waiting = this.current === "starting" || this.current === "buffering";
    if (waiting && now - this.since > STUCK_MS) {
      this.since = now;
      this.rebuild();
    }
    const shouldMove = (this.current === "playing" || this.current === "buffering") && !this.video.seeking;
    this.stalls.look(now, this.video.currentTime, shouldMove);
    if (this.current === "playing" && this.video.paused && !this.blocked) void this.startPlaying();
    this.listener.ticked();
  }

  private update(): void {
    const state = nextState({
      presence: this.presence.presence,
      wants: this.wants,
      blocked: this.blocked,
      unplayable: this.unplayable,
      started: this.started,
      dry: this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA || this.video.ended,
    });
    if (needsEngine(state) !== (this.engine !== null)) {
      if (this.engine) this.dropEngine();
      else this.makeEngine();
    }
    this.presence.pay(state === "playing" || state === "paused" ? "calm" : "close");
    if (state === this.current) return;
    if (state === "off-air") {
      this.stalls.forgive();
      // Whoever waits for the channel wants to see it come back.
      this.wants = "play";
    }
    this.current = state;
    this.since = performance.now();
    this.listener.stateChanged(state);
  }

  private makeEngine(): void {
    if (HlsEngine.supported()) this.engine = new HlsEngine(this.video, this.channel.playlist, this);
    else if (NativeEngine.supported(this.video)) this.engine = new NativeEngine(this.video, this.channel.playlist, this);
    else this.unplayable = true;
    void this.startPlaying();
  }

  private dropEngine(): void {
    clearTimeout(this.retry);
    const engine = this.engine;
    this.engine = null;
    this.started = false;
    this.mediaFaults = 0;
    engine?.destroy();
    this.listener.rungsChanged();
  }

  private async startPlaying(): Promise<void> {
    try {
      await this.video.play();
    } catch (refusal) {
      if (!(refusal instanceof DOMException) || refusal.name !== "NotAllowedError") return;
      if (this.video.muted) {
        this.blocked = true;
        this.update();
      } else {
        // Sound wants a gesture first; silent pictures mostly do not.
        this.video.muted = true;
        await this.startPlaying();
      }
    }
  }
}
