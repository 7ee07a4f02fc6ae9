// Keyboard shortcuts.

export interface Actions {
  toggle(): void;
  mute(): void;
  fullscreen(): void;
  live(): void;
  stats(): void;
  help(): void;
  seekBy(seconds: number): void;
  louder(steps: number): void;
}

const SEEK_STEP = 5;

export function listenToKeys(actions: Actions): void {
  const keys: Readonly<Record<string, () => void>> = {
    " ": actions.toggle,
    k: actions.toggle,
    m: actions.mute,
    f: actions.fullscreen,
    l: actions.live,
    s: actions.stats,
    "?": actions.help,
    ArrowLeft: () => actions.seekBy(-SEEK_STEP),
    ArrowRight: () => actions.seekBy(SEEK_STEP),
    ArrowUp: () => actions.louder(1),
    ArrowDown: () => actions.louder(-1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target as Element;
    // A focused button has its own space, a focused slider its own arrows.
    if (event.key === " " && target.closest("button, a")) return;
    if (event.key.startsWith("Arrow") && target.closest("input, [role=menu]")) return;
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow")) action();
  });
}
