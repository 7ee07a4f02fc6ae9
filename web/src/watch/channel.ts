// Where a channel's things are, as the viewer URLs say.

export interface Channel {
  readonly name: string;
  readonly playlist: string;
  readonly status: string;
}

/** Learns the channel from the page's own path: `/{channel}/`, or with an access token before it `/~TOKEN/{channel}/`. */
export function channelAt(page: Location): Channel {
  const base = new URL("./", page.href);
  const segment = base.pathname.split("/").at(-2) ?? "";
  return {
    name: decoded(segment),
    playlist: new URL("index.m3u8", base).href,
    status: new URL("status.json", base).href,
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
