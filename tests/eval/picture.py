"""The delays of a table as an SVG: a line for each kind of attack, a mark for each who watches, on a scale of time."""
import math
from html import escape

TICKS = [(10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (4 * 3600, "4 h")]
COLOURS = ["#0b6e4f", "#c05621", "#5a4fcf"]
SHAPES = ['<circle cx="{x}" cy="{y}" r="6" fill="{c}"/>',
          '<rect x="{x0}" y="{y0}" width="10" height="10" fill="{c}"/>',
          '<path d="M{x} {top} L{right} {low} L{left} {low} Z" fill="{c}"/>']
LEFT, WIDTH, ROW, TOP, NEVER = 150, 480, 46, 66, 690


def place(ms):
    """0 to WIDTH, by the logarithm of the delay."""
    low, high = math.log(TICKS[0][0]), math.log(TICKS[-1][0])
    return LEFT + WIDTH * min(1, max(0, (math.log(max(ms, 1) / 1000) - low) / (high - low)))


def mark(number, x, y):
    return SHAPES[number].format(x="%.0f" % x, y=y, c=COLOURS[number], x0="%.0f" % (x - 5), y0=y - 5, top=y - 7, low=y + 5,
                                 left="%.0f" % (x - 6), right="%.0f" % (x + 6))


def text(x, y, words, more=""):
    return '<text x="%.0f" y="%d" %s>%s</text>' % (x, y, more, escape(words))


def write(path, rows, who):
    """rows: (kind, {who: (share found, median delay in ms or None)}); who: (key, title), three of them"""
    height = TOP + ROW * len(rows) + 16
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 %d" font-family="sans-serif" font-size="13" fill="#222">' % height,
           '<rect width="780" height="%d" fill="#fff"/>' % height]
    for n, (_, title) in enumerate(who):
        out += [mark(n, 20 + 250 * n, 18), text(32 + 250 * n, 22, title)]
    for seconds, label in TICKS:
        x = place(seconds * 1000)
        out += ['<path d="M%.0f %d V%d" stroke="#ddd"/>' % (x, TOP - 12, height - 10), text(x, TOP - 18, label, 'text-anchor="middle"')]
    out.append(text(NEVER, TOP - 18, "never found"))
    for i, (kind, found) in enumerate(rows):
        base = TOP + ROW * i
        out += ['<path d="M10 %d H770" stroke="#eee"/>' % (base - 8), text(12, base + 17, kind)]
        for n, (key, _) in enumerate(who):
            share, delay = found[key]
            x, y = (NEVER + 20 + 20 * n, base + 12) if delay is None else (place(delay), base + 2 + 12 * n)
            out.append(mark(n, x, y))
            if delay is not None and share < 1:
                out.append(text(x + 9, y + 4, "%d %%" % (100 * share), 'font-size="10"'))
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
