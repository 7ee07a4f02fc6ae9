// Hides the controls over a playing picture while nobody moves.

const IDLE_MS = 3000;

export class Veil {
  private timer = 0;

  constructor(
    private readonly frame: HTMLElement,
    private readonly stage: HTMLElement,
    private readonly mayHide: () => boolean,
    private readonly onClick: () => void,
    private readonly onDoubleClick: () => void,
  ) {
    frame.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.wake();
    });
    frame.addEventListener("focusin", () => this.wake());
    addEventListener("keydown", () => this.wake());
    frame.addEventListener("pointerleave", () => this.sleep());
    stage.addEventListener("pointerup", (event) => this.pressed(event));
    stage.addEventListener("dblclick", (event) => {
      if (event.target === this.picture) this.onDoubleClick();
    });
    this.wake();
  }

  wake(): void {
    this.frame.classList.remove("idle");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.sleep(), IDLE_MS);
  }

  private get picture(): Element | null {
    return this.stage.querySelector("video");
  }

  private sleep(): void {
    if (this.mayHide() && !this.frame.querySelector(".bar :focus-visible")) this.frame.classList.add("idle");
  }

  /** A mouse click on the picture plays and pauses; a tap shows and hides the controls. */
  private pressed(event: PointerEvent): void {
    if (event.target !== this.picture || event.button !== 0) return;
    if (event.pointerType === "mouse") this.onClick();
    else if (this.frame.classList.contains("idle")) this.wake();
    else this.sleep();
  }
}
