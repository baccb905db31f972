"""From figures over lengths to rows of {name, value, unit, peer, ratio, max_error}, a table and a picture."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trials import Outcome

Row = dict[str, Any]
Target = tuple[str, str, float]  # <= or >=, the field of the row, the limit


def row(name: str, value: float | None, unit: str, *, peer: float | None = None, max_error: float | None = None) -> Row:
    """One line of the results; `value` is ours, `ratio` value / peer; a value that is not there was not run."""
    return {
        "name": name,
        "value": _rounded(value),
        "unit": unit,
        "peer": _rounded(peer),
        "ratio": _rounded(value / peer) if value is not None and peer else None,
        "max_error": _rounded(max_error),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def exponent_of(seconds: Mapping[int, float], *, shortest: int = 0) -> float | None:
    """Slope of log(seconds) over log(length) by least squares, from `shortest` on; None with fewer than two lengths."""
    points = [(math.log(length), math.log(value)) for length, value in seconds.items() if length >= shortest]
    if len(points) < 2:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def trial_rows(variant: str, length: int, outcome: Outcome) -> list[Row]:
    """Seconds and memory of a trial, or one row that says why there are none."""
    name = f"{variant}, {length} tokens"
    if outcome.figures is None:
        return [row(f"{name} (not run: {outcome.reason})", None, "s")]
    return [
        row(f"{name}: forward", outcome.figures["forward_s"], "s"),
        row(f"{name}: forward + backward", outcome.figures["both_s"], "s"),
        row(f"{name}: extra memory", outcome.figures["extra_mib"], "MiB"),
    ]


def seconds_of(by_length: Mapping[int, Outcome], field: str) -> dict[int, float]:
    """length -> seconds, where there are any."""
    return {length: one.figures[field] for length, one in by_length.items() if one.figures is not None}


def reached(one: Row, target: Target) -> bool:
    """Whether a row meets its target; what was not measured does not."""
    sign, field, limit = target
    found = one[field]
    return found is not None and (found >= limit if sign == ">=" else found <= limit)


def table_of(rows: Sequence[Row], targets: Mapping[str, Target]) -> str:
    """The rows as aligned text, targets beside those that have one."""
    lines = [("", "value", "peer", "ratio", "max error", "target")]
    for one in rows:
        value = "" if one["value"] is None else f"{one['value']:.4g} {one['unit']}"
        shown = [value, *("" if one[key] is None else f"{one[key]:.4g}" for key in ("peer", "ratio", "max_error"))]
        lines.append((one["name"], *shown, _said(one, targets.get(one["name"]))))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _said(one: Row, target: Target | None) -> str:
    if target is None:
        return ""
    sign, field, limit = target
    return f"{field} {sign} {limit:.3g}: {'reached' if reached(one, target) else 'missed'}"


def draw(
    panels: Mapping[str, Mapping[str, Mapping[int, float]]], path: Path, *, unit: str, guides: Sequence[int] = (1, 2)
) -> None:
    """Time against length, both logarithmic, one panel beside the other: panel -> series -> length -> seconds.

    Grey guides have the slopes `guides`; every series is named at its last point.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure, axes = pyplot.subplots(1, len(panels), figsize=(5.2 * len(panels), 4.4), sharey=True, squeeze=False)
    names = list(dict.fromkeys(name for series in panels.values() for name in series))
    styles = {name: (f"C{place}", "osD^vPX*"[place % 8]) for place, name in enumerate(names)}
    for axis, (title, series) in zip(axes[0], panels.items(), strict=True):
        for name, seconds in series.items():
            if seconds:
                colour, marker = styles[name]
                axis.plot(list(seconds), list(seconds.values()), color=colour, marker=marker, ms=4, lw=1.4, label=name)
        lengths = sorted({length for seconds in series.values() for length in seconds})
        axis.set(title=title, xlabel="tokens", xscale="log", yscale="log")
        axis.set_xticks(lengths, labels=[f"{length:,}" for length in lengths], rotation=30, fontsize=8)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.grid(alpha=0.25, lw=0.5)
        _draw_guides(axis, lengths, series, guides)
    axes[0][0].set_ylabel(unit)
    named = {}
    for axis in axes[0]:
        handles, labels = axis.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    axes[0][-1].legend(named.values(), named.keys(), fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_guides(
    axis: Any, lengths: Sequence[int], series: Mapping[str, Mapping[int, float]], guides: Sequence[int]
) -> None:
    """Lines of growth L, L squared, ... through the lowest first point."""
    starts = [seconds[lengths[0]] for seconds in series.values() if lengths and lengths[0] in seconds]
    if not starts:
        return
    for slope in guides:
        ends = [min(starts) * (length / lengths[0]) ** slope for length in (lengths[0], lengths[-1])]
        axis.plot([lengths[0], lengths[-1]], ends, color="0.75", lw=0.8, ls="--", zorder=0)
        power = "L" if slope == 1 else f"L$^{slope}$"
        axis.annotate(power, (lengths[-1], ends[1]), color="0.5", fontsize=8, ha="right", va="bottom")
