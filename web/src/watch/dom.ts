// Finding the parts of the page.

/** The element the page promises under this id. */
export function part<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element #${id}`);
  return element as unknown as T;
}

/** Points a button's icon at another symbol of the page's sprite. */
export function setIcon(button: Element, symbol: string): void {
  button.querySelector("use")?.setAttribute("href", `#${symbol}`);
}

/** Names a button for everyone: the tooltip and the accessible name are one text. */
export function setLabel(button: HTMLElement, label: string, key?: string): void {
  button.setAttribute("aria-label", label);
  button.title = key ? `${label} (${key})` : label;
}
