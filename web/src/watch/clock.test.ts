import assert from "node:assert/strict";
import { test } from "node:test";
import { offsetOf } from "./clock.ts";

test("the exchange with the shortest round trip sets the clock", () => {
  const slow = { sent: 0, received: 400, server: 10_390 };
  const quick = { sent: 1000, received: 1020, server: 11_010 };
  assert.equal(offsetOf([slow, quick]), 10_000);
  assert.equal(offsetOf([quick, slow]), 10_000);
});

test("no answer, no clock", () => {
  assert.equal(offsetOf([]), null);
});
