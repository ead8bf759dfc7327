"""The chart of docs/benchmarks.md: python chart.py SAMPLES.json CHART.svg

Into it go the samples that `compare.py --json` writes, out comes an SVG: for each batch size of training, a bar for the
median of each engine's best variant.
"""

import json
import sys
from html import escape
from pathlib import Path
from statistics import median

BAR, GAP, LEFT, WIDTH = 18, 6, 150, 760
COLOURS = {"Glassbox scratch": "#0072b2", "Glassbox cpu": "#56b4e9", "Glassbox flex": "#9ad0ee"}
OTHER = "#8c8c8c"


def bars(samples, batch):
    """Median images a second by name; of a peer's variants the best."""
    speeds = {}
    for sample in samples:
        if sample["what"] == "train" and sample["batch"] == batch:
            name = (sample["engine"], sample["variant"])
            speeds.setdefault(name, []).append(sample["images_per_second"])
    best = {}
    for (engine, variant), values in speeds.items():
        label = f"{engine} {variant}" if engine == "Glassbox" else engine
        best[label] = max(best.get(label, 0), median(values))
    return sorted(best.items(), key=lambda item: -item[1])


def main():
    source, target = sys.argv[1:]
    report = json.loads(Path(source).read_text())
    groups = [(batch, bars(report["samples"], batch)) for batch in (32, 64, 128)]
    scale = (WIDTH - LEFT - 80) / max(speed for _, group in groups for _, speed in group)
    lines, y = [], 34
    for batch, group in groups:
        lines.append(f'<text x="10" y="{y + 12}" font-weight="bold">batch {batch}</text>')
        y += BAR + GAP
        for name, speed in group:
            colour = COLOURS.get(name, OTHER)
            lines.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
            lines.append(f'<rect x="{LEFT}" y="{y}" width="{speed * scale:.1f}" height="{BAR}" fill="{colour}"/>')
            lines.append(f'<text x="{LEFT + speed * scale + 6:.1f}" y="{y + 13}">{speed:,.0f}</text>')
            y += BAR + GAP
        y += GAP
    machine = report["machine"]
    title = f"Training the reference network on 3x32x32, images a second ({machine['cpu']}, {machine['date'][:10]})"
    body = "\n".join(lines)
    Path(target).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="13" '
        f'role="img" aria-label="{escape(title)}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<text x="10" y="20" font-size="14">{escape(title)}</text>\n{body}\n</svg>\n'
    )


main()
