"""Numbers of a report as text, and rows of a table by name."""

import math
from typing import Any

import pandas as pd

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
