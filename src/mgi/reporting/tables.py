"""Rows of the report's tables, as text ready to print."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mgi.reporting.names import DEFINITIONS, GENES, SPLITS, in_order, method_name
from mgi.reporting.provenance import RuleCost

NOTHING = "–"


def rows_by(table: pd.DataFrame, column: str) -> dict[str, dict[str, Any]]:
    """The rows of a table as plain values, by the name in one of its columns."""
    return {str(row[column]): {str(name): value for name, value in row.items()} for row in table.to_dict("records")}


def number(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """A rounded number with a true minus sign; a dash where it is undefined."""
    if math.isnan(value):
        return NOTHING
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.replace("-", "−")


def interval(low: float, high: float, *, signed: bool = False) -> str:
    """`low to high`, or a dash where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return NOTHING
    return f"{number(low, signed=signed)} to {number(high, signed=signed)}"


def p_text(p: float) -> str:
    """A p value; below a thousandth only that is said."""
    return "< 0.001" if p < 0.001 else number(p)


def headline_rows(compared: pd.DataFrame, tests: pd.DataFrame, definition: str) -> list[dict[str, str]]:
    """One row per method: mean with interval, spread, failures, and MGI's lead over it."""
    chosen = rows_by(compared[compared["definition"] == definition], "method")
    against = rows_by(tests, "method")
    rows = []
    for label in in_order(list(chosen)):
        row, lead = chosen[label], against.get(label)
        rows.append(
            {
                "method": method_name(label),
                "n": str(int(row["n"])),
                "mean": number(row["mean"]),
                "interval": interval(row["low"], row["high"]),
                "median": number(row["median"]),
                "quartiles": interval(row["q1"], row["q3"]),
                "below_half": str(int(row["below_half"])),
                "zero": str(int(row["zero"])),
                "lead": NOTHING if lead is None else number(lead["difference"], signed=True),
                "lead_interval": "" if lead is None else interval(lead["low"], lead["high"], signed=True),
                "p_holm": NOTHING if lead is None else p_text(lead["p_holm"]),
            }
        )
    return rows


def definition_rows(dice: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per method and gene mode, one cell (mean, interval) per definition in the order of `DEFINITIONS`."""
    rows: list[dict[str, Any]] = []
    for label in in_order(list(dice["method"].unique())):
        of_method = dice[dice["method"] == label]
        modes = [mode for mode in GENES if mode in set(of_method["genes"])]
        for mode in modes:
            cells = rows_by(of_method[of_method["genes"] == mode], "definition")
            rows.append(
                {
                    "method": method_name(label),
                    "genes": GENES[mode],
                    "cells": [_cell(cells, definition) for definition in DEFINITIONS],
                }
            )
    return rows


def gene_free_rows(dice_all: pd.DataFrame, definition: str) -> list[dict[str, str]]:
    """One row per method and mode that reads no genes: the definition's mean with interval, spread and failures."""
    chosen = dice_all[dice_all["definition"] == definition]
    return [
        {
            "method": method_name(label),
            "genes": GENES[str(row["genes"])],
            "n": str(int(row["n"])),
            "mean": number(row["mean"]),
            "interval": interval(row["low"], row["high"]),
            "median": number(row["median"]),
            "below_half": str(int(row["below_half"])),
        }
        for label in in_order(list(chosen["method"].unique()))
        for row in chosen[chosen["method"] == label].to_dict("records")
    ]


def paper_like_rows(table: pd.DataFrame | None) -> list[dict[str, str]]:
    """One row per split, method and definition, methods with their own genes; none where nothing was split by slice."""
    if table is None:
        return []
    own = table[table["genes"].isin(("real", "none"))]
    return [
        {
            "split": SPLITS[str(row["split"])],
            "method": method_name(str(row["method"])),
            "definition": DEFINITIONS[str(row["definition"])][0],
            "mean": number(row["mean"]),
            "interval": interval(row["low"], row["high"]),
            "patients": str(int(row["patients"])),
            "watermark": row["watermark"] if isinstance(row["watermark"], str) else "",
        }
        for row in own.to_dict("records")
    ]


def cost_rows(costs: Sequence[RuleCost]) -> list[dict[str, str]]:
    """Rules with jobs, wall time and peak memory as people read them."""
    return [
        {
            "rule": cost.rule,
            "jobs": str(cost.jobs),
            "wall": duration(cost.wall_seconds),
            "peak": NOTHING if math.isnan(cost.peak_mb) else f"{cost.peak_mb:,.0f}",
        }
        for cost in costs
    ]


def duration(seconds: float) -> str:
    """Seconds below a minute, then minutes, then hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def lock_rows(locks: Mapping[str, Mapping[str, Any]], digests: Mapping[str, str]) -> list[dict[str, str]]:
    """Where each half of the data came from and the digest of the lock that pins it."""
    return [
        {
            "kind": kind,
            "source": str(lock["source"]),
            "release": ", ".join(str(lock[key]) for key in ("collection", "release") if lock.get(key)) or NOTHING,
            "digest": digests[kind],
        }
        for kind, lock in sorted(locks.items())
    ]


def _cell(cells: Mapping[str, Mapping[str, Any]], definition: str) -> dict[str, str]:
    if definition not in cells:
        return {"mean": NOTHING, "interval": ""}
    row = cells[definition]
    return {"mean": number(row["mean"]), "interval": interval(row["low"], row["high"])}
