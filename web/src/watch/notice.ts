// What the page says where there is no picture, to the eye and to a screen reader.

import type { Channel } from "./channel.ts";
import { codecNames } from "./codec_names.ts";
import { part } from "./dom.ts";
import type { State } from "./state.ts";

interface Words {
  readonly title: string;
  readonly detail: string;
}

export class Notice {
  private readonly box = part("notice");
  private readonly title = part("notice-title");
  private readonly detail = part("notice-detail");
  private readonly spoken = part("spoken");

  constructor(
    private readonly channel: Channel,
    onPlay: () => void,
  ) {
    part("notice-play").addEventListener("click", onPlay);
  }

  render(state: State): void {
    const words = this.wordsFor(state);
    this.box.hidden = words === null;
    this.title.textContent = words?.title ?? "";
    this.detail.textContent = words?.detail ?? "";
    part("notice-play").hidden = state !== "blocked";
    this.spoken.textContent = words ? `${words.title}. ${words.detail}` : SPOKEN[state] ?? "";
    if (state === "unplayable") void this.tellCodecs();
  }

  private wordsFor(state: State): Words | null {
    const { name } = this.channel;
    switch (state) {
      case "connecting":
        return { title: name, detail: "Connecting…" };
      case "off-air":
        return { title: `${name} is off air`, detail: "Stay here: the picture starts by itself when the stream is back." };
      case "unreachable":
        return { title: "The server cannot be reached", detail: "Trying again; the picture starts by itself." };
      case "unplayable":
        return { title: "This browser cannot play this stream", detail: "It has no decoder for it." };
      case "blocked":
        return { title: name, detail: "Ready when you are." };
      case "starting":
      case "playing":
      case "buffering":
      case "paused":
        return null;
    }
  }

  private async tellCodecs(): Promise<void> {
    try {
      const names = codecNames(await (await fetch(this.channel.playlist)).text());
      if (names.length === 0 || this.box.hidden) return;
      this.detail.textContent = `It is encoded as ${names.join(" with ")}. Another browser, or a newer one, may have the decoder.`;
      this.spoken.textContent = `${this.title.textContent}. ${this.detail.textContent}`;
    } catch {
      // The shorter words stand.
    }
  }
}

const SPOKEN: Partial<Record<State, string>> = {
  starting: "Starting",
  playing: "Playing",
  buffering: "Buffering",
  paused: "Paused",
};
