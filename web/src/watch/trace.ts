// A minute of one number, as a line.

const POINTS = 120;
const WIDTH = 120;
const HEIGHT = 28;

export class Trace {
  private readonly values: (number | null)[] = [];

  /** Draws into a polyline whose view box is 120 × 28. */
  constructor(private readonly line: SVGPolylineElement) {}

  add(value: number | null): void {
    this.values.push(value);
    if (this.values.length > POINTS) this.values.shift();
    const top = Math.max(1, ...this.values.map((each) => each ?? 0)) * 1.15;
    const first = POINTS - this.values.length;
    const points = this.values.flatMap((each, i) => {
      if (each === null) return [];
      const x = ((first + i) / (POINTS - 1)) * WIDTH;
      return [`${x.toFixed(1)},${(HEIGHT - (each / top) * HEIGHT).toFixed(1)}`];
    });
    this.line.setAttribute("points", points.join(" "));
  }
}
