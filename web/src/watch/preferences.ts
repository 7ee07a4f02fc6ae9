// What the viewer chose last time. Kept in the browser; a browser that keeps nothing begins muted, as autoplay asks.

const KEY = "headwater.sound";

export interface Sound {
  readonly muted: boolean;
  readonly volume: number;
}

export function rememberedSound(): Sound {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Record<keyof Sound, unknown>>;
    const volume = typeof kept.volume === "number" && kept.volume >= 0 && kept.volume <= 1 ? kept.volume : 1;
    return { muted: kept.muted !== false, volume };
  } catch {
    return { muted: true, volume: 1 };
  }
}

export function rememberSound({ muted, volume }: Sound): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ muted, volume }));
  } catch {
    // Private windows may refuse storage; the choice then lasts as long as the page.
  }
}
