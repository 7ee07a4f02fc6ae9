// What the page is doing, decided from plain facts.
//
//   connecting ──on──> starting ──first frame──> playing <──> buffering
//       │                 ^                        ^  │
//       off               on                       │  pause
//       v                 │                        v
//    off-air ─────────────┘ <──dry and off──     paused
//
// `unreachable` is `off-air` with the server gone; `blocked` is `starting` where the browser wants a gesture first;
// `unplayable` ends only when the channel goes off air, because what comes back may be encoded differently.

import type { Presence } from "./presence.ts";

export type State =
  | "connecting"
  | "off-air"
  | "unreachable"
  | "starting"
  | "playing"
  | "buffering"
  | "paused"
  | "blocked"
  | "unplayable";

export interface Facts {
  readonly presence: Presence;
  readonly wants: "play" | "pause";
  /** The browser refused to start without a gesture. */
  readonly blocked: boolean;
  /** No rung can be decoded here. */
  readonly unplayable: boolean;
  /** A frame of the present run has been shown. */
  readonly started: boolean;
  /** Nothing is left to show at the playing position. */
  readonly dry: boolean;
}

export function nextState(facts: Facts): State {
  const nothingToShow = !facts.started || facts.dry;
  if (nothingToShow && facts.presence === "off") return "off-air";
  if (facts.unplayable) return "unplayable";
  if (nothingToShow && facts.presence === "lost") return "unreachable";
  if (nothingToShow && facts.presence === "unknown") return "connecting";
  if (facts.blocked) return "blocked";
  if (facts.wants === "pause" && facts.started) return "paused";
  if (!facts.started) return "starting";
  return facts.dry ? "buffering" : "playing";
}

/** Whether a media engine should be at work. */
export function needsEngine(state: State): boolean {
  switch (state) {
    case "connecting":
    case "off-air":
    case "unreachable":
    case "unplayable":
      return false;
    case "starting":
    case "playing":
    case "buffering":
    case "paused":
    case "blocked":
      return true;
  }
}
