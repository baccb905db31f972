"""Rows of the report's tables of Dice and other scores, as text ready to print."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mgi.evaluation.patient_scores import as_trained
from mgi.tasks.names import EXPRESSION_INPUTS, SPLIT_UNITS, in_order, method_name
from mgi.tasks.segmentation.definitions import DEFINITIONS
from mgi.tasks.text import NOTHING, interval, number, p_text, rows_by


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


def definition_rows(results: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per method and expression input, one cell (mean, interval) per definition, in their order."""
    rows: list[dict[str, Any]] = []
    for label in in_order(list(results["method"].unique())):
        of_method = results[results["method"] == label]
        inputs = [given for given in EXPRESSION_INPUTS if given in set(of_method["expression_input"])]
        for given in inputs:
            cells = rows_by(of_method[of_method["expression_input"] == given], "definition")
            rows.append(
                {
                    "method": method_name(label),
                    "expression_input": EXPRESSION_INPUTS[given],
                    "cells": [_cell(cells, definition) for definition in DEFINITIONS],
                }
            )
    return rows


def no_genes_rows(no_genes: pd.DataFrame, definition: str) -> list[dict[str, str]]:
    """One row per method and input without genes: the definition's mean with interval, spread and failures."""
    chosen = no_genes[no_genes["definition"] == definition]
    return [
        {
            "method": method_name(label),
            "expression_input": EXPRESSION_INPUTS[str(row["expression_input"])],
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
    """One row per split unit, method and definition, with the input of training; none without a table."""
    if table is None:
        return []
    own = as_trained(table)
    return [
        {
            "split_unit": SPLIT_UNITS[str(row["split_unit"])],
            "method": method_name(str(row["method"])),
            "definition": DEFINITIONS[str(row["definition"])][0],
            "mean": number(row["mean"]),
            "interval": interval(row["low"], row["high"]),
            "patients": str(int(row["patients"])),
            "watermark": row["watermark"] if isinstance(row["watermark"], str) else "",
        }
        for row in own.to_dict("records")
    ]


def _cell(cells: Mapping[str, Mapping[str, Any]], definition: str) -> dict[str, str]:
    if definition not in cells:
        return {"mean": NOTHING, "interval": ""}
    row = cells[definition]
    return {"mean": number(row["mean"]), "interval": interval(row["low"], row["high"])}
