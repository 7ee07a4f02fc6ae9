// The names people know codecs by, from the CODECS of a multivariant playlist (RFC 6381 strings).

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^avc[13]/, "H.264"],
  [/^(hvc1|hev1|dvh1|dvhe)/, "H.265 (HEVC)"],
  [/^av01/, "AV1"],
  [/^vp09/, "VP9"],
  [/^mp4a/, "AAC"],
  [/^opus/i, "Opus"],
  [/^ac-3/, "Dolby Digital"],
  [/^ec-3/, "Dolby Digital Plus"],
];

/** Each codec a multivariant playlist names, once, in the order of appearance. */
export function codecNames(playlist: string): string[] {
  const names = new Set<string>();
  for (const [, list] of playlist.matchAll(/CODECS="([^"]*)"/g)) {
    for (const codec of (list ?? "").split(",")) {
      const known = NAMES.find(([pattern]) => pattern.test(codec.trim()));
      names.add(known ? known[1] : codec.trim());
    }
  }
  return [...names];
}
