// The ladder as a menu: Auto, which tells the rung it picked, and each rung.

import { part } from "./dom.ts";
import { bitrate } from "./format.ts";
import type { Viewing } from "./viewing.ts";

export class QualityMenu {
  private readonly button = part<HTMLButtonElement>("quality");
  private readonly label = part("quality-label");
  private readonly menu = part("quality-menu");

  constructor(private readonly viewing: Viewing) {
    this.button.addEventListener("click", () => (this.open ? this.close() : this.show()));
    this.menu.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("pointerdown", (event) => {
      const target = event.target as Node;
      if (this.open && !this.menu.contains(target) && !this.button.contains(target)) this.close();
    });
    this.render();
  }

  get open(): boolean {
    return !this.menu.hidden;
  }

  render(): void {
    const { engine } = this.viewing;
    const rungs = engine?.rungs ?? [];
    const shown = rungs[engine?.shown ?? -1]?.name;
    const auto = (engine?.choice ?? "auto") === "auto";
    this.button.disabled = rungs.length === 0;
    this.label.textContent = shown ? (auto ? `Auto · ${shown}` : shown) : "Auto";
    this.button.setAttribute("aria-label", `Quality: ${this.label.textContent}`);
    if (rungs.length === 0) this.menu.hidden = true;
    if (this.open) this.fill();
  }

  private show(): void {
    this.menu.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.fill();
    this.menu.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
  }

  close(): void {
    const hadFocus = this.menu.contains(document.activeElement);
    this.menu.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (hadFocus) this.button.focus();
  }

  private fill(): void {
    const { engine } = this.viewing;
    if (!engine) return;
    const focused = [...this.menu.children].indexOf(document.activeElement as Element);
    const shown = engine.rungs[engine.shown ?? -1]?.name;
    const best = engine.rungs.map((rung, i) => ({ rung, i })).reverse();
    this.menu.replaceChildren(
      this.item("Auto", engine.choice === "auto" && shown ? `now ${shown}` : "fits your connection", "auto"),
      ...best.map(({ rung, i }) => this.item(rung.name, bitrate(rung.bitrateBps), i)),
    );
    (this.menu.children[focused] as HTMLElement | undefined)?.focus();
  }

  private item(name: string, detail: string, choice: number | "auto"): HTMLElement {
    const item = document.createElement("button");
    item.type = "button";
    item.setAttribute("role", "menuitemradio");
    item.setAttribute("aria-checked", String(this.viewing.engine?.choice === choice));
    item.dataset.choice = choice === "auto" ? "auto" : name;
    const small = document.createElement("small");
    small.textContent = detail;
    item.append(name, small);
    item.addEventListener("click", () => {
      this.viewing.engine?.choose(choice);
      this.close();
      this.render();
    });
    return item;
  }

  private key(event: KeyboardEvent): void {
    const items = [...this.menu.children] as HTMLElement[];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) items[to % items.length]?.focus();
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab") return this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
