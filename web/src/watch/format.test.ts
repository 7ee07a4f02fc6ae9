import assert from "node:assert/strict";
import { test } from "node:test";
import { bitrate, clockTime, seconds } from "./format.ts";

test("bitrates take the unit that fits", () => {
  assert.deepEqual([null, 96_000, 1_450_000, 12_400_000].map(bitrate), ["–", "96 kb/s", "1.4 Mb/s", "12 Mb/s"]);
});

test("clock times count up to hours", () => {
  assert.deepEqual([0, 9.6, 75, 3_661].map(clockTime), ["0:00", "0:10", "1:15", "1:01:01"]);
});

test("unknown seconds are a dash", () => assert.equal(seconds(null), "–"));
