"""Draws the same data with matplotlib, and times it in the same run as ours.

    cargo build --release -p otus-charts --bench render    # once
    python3 src/charts/benches/compare.py [folder]         # needs matplotlib

Both get the same points: ours writes them as JSON (`render --dump`), both draw 1600 × 800 pixels to PNG in memory, warm,
and what counts is the CPU time of the process (median), so that a busy machine does not. With a folder, the pictures of
both are kept there to be looked at side by side.
"""

import glob
import io
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as dates
import matplotlib.pyplot as plt

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../../../target"))


def ours():
    """The newest bench program there is."""
    found = [p for p in glob.glob(os.path.join(TARGET, "release/deps/render-*")) if os.access(p, os.X_OK) and "." not in p[-20:]]
    if not found:
        sys.exit("no bench program in %s: cargo build --release -p otus-charts --bench render" % TARGET)
    return max(found, key=os.path.getmtime)


def draw(chart):
    """The picture of one chart, as PNG."""
    with plt.style.context("dark_background"):
        figure = (PANELS.get(chart["kind"]) or lines)(chart)
        out = io.BytesIO()
        figure.savefig(out, format="png")
        plt.close(figure)
        return out.getvalue()


def when(points):
    return [datetime.fromtimestamp(t, timezone.utc) for t, _ in points]


def events(chart, axes):
    for at in chart["markers"]:
        axes.axvline(datetime.fromtimestamp(at, timezone.utc), color="lightblue", linestyle="--")
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))


def heatmap(chart):
    """Buckets are cumulated: what falls into each is the difference to the one below."""
    figure, axes = plt.subplots(figsize=(16, 8), dpi=100)
    series = sorted(chart["data"], key=lambda s: float(s["name"]))
    rows, below = [], None
    for one in series:
        values = [v for _, v in one["points"]]
        rows.append(values if below is None else [a - b for a, b in zip(values, below)])
        below = values
    mesh = axes.pcolormesh(when(series[0]["points"]), range(len(rows)), rows, cmap="viridis", shading="nearest")
    axes.set_yticks(range(len(rows)), [s["name"] for s in series])
    axes.set_title(chart["title"])
    figure.colorbar(mesh, label="per second")
    events(chart, axes)
    return figure


def histogram(chart):
    figure, axes = plt.subplots(figsize=(16, 8), dpi=100)
    low, high, counts = zip(*chart["data"])
    axes.bar(low, counts, width=[b - a for a, b in zip(low, high)], align="edge", edgecolor="black")
    axes.set_xscale("log")
    axes.axvline(chart["limits"][0], color="red", linestyle="--")
    axes.set_title(chart["title"])
    axes.grid(True, alpha=0.3)
    return figure


def stat(chart):
    """The last values large, with their lines below, as there is no kind of chart for it."""
    figure, all_axes = plt.subplots(1, len(chart["data"]), figsize=(16, 8), dpi=100)
    for axes, one in zip(all_axes, chart["data"]):
        values = [v for _, v in one["points"]]
        axes.fill_between(when(one["points"]), values, alpha=0.4)
        axes.set_axis_off()
        axes.set_title(one["name"])
        colour = "red" if values[-1] > chart["limits"][0] else "lightgreen"
        axes.text(0.5, 0.5, "%.0f ms" % (values[-1] * 1e3), transform=axes.transAxes, fontsize=48, ha="center", color=colour)
    return figure


def gauge(chart):
    figure, axes = plt.subplots(figsize=(16, 8), dpi=100)
    names, values = zip(*chart["data"])
    bars = axes.barh(names, values, color=["red" if v > 0.85 else "orange" if v > 0.7 else "green" for v in values])
    axes.bar_label(bars, ["%.0f%%" % (v * 100) for v in values])
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_title(chart["title"])
    figure.tight_layout()
    return figure


def table(chart):
    figure, axes = plt.subplots(figsize=(16, 8), dpi=100)
    axes.set_axis_off()
    cells = [[a, b, "%.4g/s" % c, "%.2f%%" % (d * 100), "%.0f ms" % (e * 1e3), "%.3g GB" % (f / 1e9)] for a, b, c, d, e, f in chart["data"]]
    drawn = axes.table(cells, colLabels=["service", "release", "requests", "errors", "p95", "memory"], loc="center")
    for cell in drawn.get_celld().values():
        cell.set_facecolor("black")
    drawn.scale(1, 2.5)
    drawn.set_fontsize(16)
    axes.set_title(chart["title"])
    return figure


PANELS = {"heatmap": heatmap, "histogram": histogram, "stat": stat, "gauge": gauge, "table": table}


def lines(chart):
    """What a careful person does with matplotlib: dark, a legend, a limit, events, dates."""
    figure, axes = plt.subplots(figsize=(16, 8), dpi=100)
    kind = chart["kind"]
    series = [(s["name"], [datetime.fromtimestamp(t, timezone.utc) for t, _ in s["points"]],
               [float("nan") if v is None else v for _, v in s["points"]]) for s in chart["series"]]
    if kind == "stacked":
        axes.stackplot(series[0][1], [v for _, _, v in series], labels=[n for n, _, _ in series])
    elif kind == "bars":
        bottom = [0.0] * len(series[0][1])
        for name, times, values in series:
            axes.bar(times, values, bottom=bottom, width=0.8 / 24, label=name)
            bottom = [a + b for a, b in zip(bottom, values)]
    else:
        for name, times, values in series:
            axes.plot(times, values, label=name, linewidth=1.5, drawstyle="steps-post" if kind == "steps" else "default")
    if kind == "log":
        axes.set_yscale("log")
    for limit in chart["limits"]:
        axes.axhline(limit, color="red", linestyle="--")
    events(chart, axes)
    axes.set_title(chart["title"])
    axes.grid(True, alpha=0.3)
    axes.legend()
    return figure


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    program = ours()
    charts = json.loads(subprocess.check_output([program, "--dump"]))
    print("%-12s %12s %12s %8s %10s %10s" % ("", "ours, CPU", "matplotlib", "times", "ours", "matplotlib"))
    for chart in charts:
        name, runs = chart["name"], 5 if chart["name"] == "hard" else 9
        png, spent = draw(chart), []
        for _ in range(runs):
            before = time.process_time()
            png = draw(chart)
            spent.append((time.process_time() - before) * 1e3)
        theirs = statistics.median(spent)
        keep = [] if folder is None else [os.path.join(folder, name + ".ours.png")]
        mine = json.loads(subprocess.check_output([program, "--time", name] + keep))
        if folder:
            with open(os.path.join(folder, name + ".matplotlib.png"), "wb") as file:
                file.write(png)
        print("%-12s %9.1f ms %9.1f ms %7.1fx %7.1f KB %7.1f KB" % (
            name, mine["ms"], theirs, theirs / mine["ms"], mine["bytes"] / 1024, len(png) / 1024))


main()
