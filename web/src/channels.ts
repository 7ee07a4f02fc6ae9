// The list of channels, kept up to date.

const EVERY_MS = 4000;
const JITTER = 0.25;

interface Entry {
  readonly name: string;
  readonly onAir: boolean;
}

const list = part("list");
let shown = "";

void keepUp();

async function keepUp(): Promise<never> {
  for (;;) {
    if (document.visibilityState === "visible") render(await fetched());
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS * (1 - JITTER + 2 * JITTER * Math.random())));
  }
}

/** The channels, those on air first; null where the server cannot be reached. */
async function fetched(): Promise<Entry[] | null> {
  try {
    const answer = await fetch("/channels.json", { signal: AbortSignal.timeout(5000) });
    const { channels } = (await answer.json()) as { channels: { name: string; on_air: boolean }[] };
    return channels
      .map(({ name, on_air }) => ({ name, onAir: on_air }))
      .sort((a, b) => Number(b.onAir) - Number(a.onAir) || a.name.localeCompare(b.name));
  } catch {
    return null;
  }
}

function render(entries: Entry[] | null): void {
  const now = JSON.stringify(entries);
  if (now === shown) return;
  shown = now;
  part("summary").textContent = summary(entries);
  if (entries === null) return;
  part("empty").hidden = entries.length > 0;
  const focused = (document.activeElement as HTMLAnchorElement | null)?.href;
  list.replaceChildren(...entries.map(card));
  for (const link of list.querySelectorAll("a")) if (link.href === focused) link.focus();
}

function summary(entries: Entry[] | null): string {
  if (entries === null) return "The server cannot be reached. Trying again.";
  if (entries.length === 0) return "";
  const live = entries.filter(({ onAir }) => onAir).length;
  return live === 0 ? "Nothing on air right now" : `${live} of ${entries.length} on air`;
}

function card({ name, onAir }: Entry): HTMLElement {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/${encodeURIComponent(name)}/`;
  link.dataset.onAir = String(onAir);
  const title = document.createElement("strong");
  title.textContent = name;
  const state = document.createElement("span");
  state.className = "badge";
  state.dataset.onAir = String(onAir);
  state.textContent = onAir ? "Live" : "Off air";
  link.append(title, state);
  item.append(link);
  return item;
}

function part(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element #${id}`);
  return element;
}
