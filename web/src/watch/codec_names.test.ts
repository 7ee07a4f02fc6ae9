import assert from "node:assert/strict";
import { test } from "node:test";
import { codecNames } from "./codec_names.ts";

test("codecs are named once, by the names people know", () => {
  const playlist = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="hvc1.1.6.L93.B0,mp4a.40.2"
720p30/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS="hvc1.1.6.L90.B0,mp4a.40.2"
360p30/index.m3u8`;
  assert.deepEqual(codecNames(playlist), ["H.265 (HEVC)", "AAC"]);
});

test("an unknown codec keeps its own name", () => {
  assert.deepEqual(codecNames('#EXT-X-STREAM-INF:CODECS="xyz1.2"'), ["xyz1.2"]);
});
