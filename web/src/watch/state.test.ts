import assert from "node:assert/strict";
import { test } from "node:test";
import { type Facts, nextState } from "./state.ts";

const playing: Facts = { presence: "on", wants: "play", blocked: false, unplayable: false, started: true, dry: false };

function check(change: Partial<Facts>, state: string): void {
  assert.equal(nextState({ ...playing, ...change }), state);
}

test("a fresh page connects, then starts or says off air", () => {
  check({ presence: "unknown", started: false, dry: true }, "connecting");
  check({ presence: "on", started: false, dry: true }, "starting");
  check({ presence: "off", started: false, dry: true }, "off-air");
});

test("what is buffered is shown to its end before the page says off air", () => {
  check({ presence: "off" }, "playing");
  check({ presence: "off", dry: true }, "off-air");
});

test("a dry buffer on air is buffering, with the server gone it is unreachable", () => {
  check({ dry: true }, "buffering");
  check({ dry: true, presence: "lost" }, "unreachable");
  check({ presence: "lost" }, "playing");
});

test("the viewer's pause holds, even where the channel left while paused", () => {
  check({ wants: "pause" }, "paused");
  check({ wants: "pause", presence: "off" }, "paused");
});

test("unplayable media stays so until the channel goes off air", () => {
  check({ unplayable: true, started: false, dry: true }, "unplayable");
  check({ unplayable: true, started: false, dry: true, presence: "off" }, "off-air");
});

test("a browser that wants a gesture is blocked, not paused", () => {
  check({ blocked: true, started: false, dry: false }, "blocked");
});
