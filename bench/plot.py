"""Line charts as SVG text: small, and the same for the same figures."""

import html
import math

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 50, 50
LABEL_HEIGHT = 15
COLOURS = ["#0077b6", "#d1495b", "#2a9d8f", "#e09f3e", "#6a4c93", "#555555"]


def lines(path, title, x_label, y_label, series, log_x=False, log_y=False, limits=()):
    """Writes a chart of `series` (name → list of (x, y)) to `path`. `limits` are horizontal lines: (y, what it is)."""
    points = [point for line in series.values() for point in line]
    x = Axis([x for x, _ in points], log_x, LEFT, WIDTH - RIGHT)
    y = Axis([y for _, y in points] + [y for y, _ in limits] + ([] if log_y else [0]), log_y, HEIGHT - BOTTOM, TOP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 26, title, size=16),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_label, anchor="middle"),
        text(LEFT - 50, TOP - 10, y_label),
    ]
    for value in y.ticks():
        out.append(f'<path d="M{LEFT} {y.at(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, y.at(value) + 4, f"{value:g}", anchor="end"))
    for value in x.ticks():
        out.append(text(x.at(value), HEIGHT - BOTTOM + 18, f"{value:g}", anchor="middle"))
    for value, name in limits:
        out.append(f'<path d="M{LEFT} {y.at(value):.1f}H{WIDTH - RIGHT}" stroke="#999" stroke-dasharray="5 4"/>')
    labels = [(y.at(value), name, "#222") for value, name in limits]
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        path_data = "L".join(f"{x.at(a):.1f} {y.at(b):.1f}" for a, b in line)
        out.append(f'<path d="M{path_data}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        labels.append((y.at(line[-1][1]), name, colour))
    for at, name, colour in spread(labels):
        out.append(text(WIDTH - RIGHT + 8, at + 4, name, colour=colour))
    out.append("</svg>")
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")


def spread(labels):
    """Each label (y, name, colour) at the end of its line, or as much lower as those above it need."""
    lowest = -LABEL_HEIGHT
    for at, name, colour in sorted(labels):
        lowest = max(at, lowest + LABEL_HEIGHT)
        yield lowest, name, colour


def text(x, y, words, anchor="start", size=12, colour="#222"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{html.escape(str(words))}</text>'


class Axis:
    """Maps values to places."""

    def __init__(self, values, log, begin, end):
        self.log, self.begin, self.end = log, begin, end
        self.low, self.high = min(values), max(values)
        if log:
            self.low, self.high = 10 ** math.floor(math.log10(self.low)), 10 ** math.ceil(math.log10(self.high))
        if self.low == self.high:
            self.high = self.low + 1

    def at(self, value):
        scale = math.log10 if self.log else float
        share = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        if self.log:
            return [10**power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]
        step = 10 ** math.floor(math.log10((self.high - self.low) / 2))
        while (self.high - self.low) / step > 8:
            step *= 2 if str(step).strip("0.").startswith(("1", "5")) else 2.5
        first = math.ceil(self.low / step)
        return [round(index * step, 10) for index in range(first, math.floor(self.high / step) + 1)]
