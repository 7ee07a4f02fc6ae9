import assert from "node:assert/strict";
import { test } from "node:test";
import { Stalls } from "./stalls.ts";

/** Each letter is one look, 100 ms apart: `m` moved, `s` still, `p` paused, `e` the broadcast ended. */
function watched(looks: string): Stalls {
  const stalls = new Stalls();
  let time = 0;
  [...looks].forEach((look, i) => {
    if (look === "m") time += 0.1;
    if (look === "e") stalls.forgive();
    else stalls.look(i * 100, time, look !== "p");
  });
  return stalls;
}

test("a freeze counts once, however long", () => {
  const stalls = watched("mmmsssssssmmm");
  assert.equal(stalls.count, 1);
  assert.equal(stalls.totalMs, 800);
});

test("a late frame is not a stall", () => assert.equal(watched("mmssmssmm").count, 0));
test("a pause is not a stall", () => assert.equal(watched("mmppppppppm").count, 0));
test("two freezes are two", () => assert.equal(watched("mssssmssssm").count, 2));
test("the end of the broadcast is forgiven", () => assert.equal(watched("mmsssssse").count, 0));
