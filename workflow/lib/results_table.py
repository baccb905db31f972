"""Print where the report of a results folder is, and its headline scores; for the end of `make demo`."""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from mgi.core.errors import MgiError
from mgi.core.sidecar import verified

HEADLINE = "volume"


def lines_of(results: Path) -> list[str]:
    """The headline score of every method and expression input, best first, and where the report is."""
    with verified(results / "evaluation" / "results.csv", "delete it and run `make demo` again").open(
        newline="", encoding="utf-8"
    ) as table:
        rows = [row for row in csv.DictReader(table) if row["definition"] == HEADLINE and row["mean"]]
    rows.sort(key=lambda row: -float(row["mean"]))
    n_patients = rows[0]["n"] if rows else "0"
    lines = [f"Dice of a patient's whole volume: mean with 95 % interval over {n_patients} test patients"]
    names, inputs = (max((len(row[column]) for row in rows), default=0) for column in ("method", "expression_input"))
    for row in rows:
        interval = f"{float(row['low']):.3f} to {float(row['high']):.3f}" if row["low"] else "no interval"
        lines.append(
            f"  {row['method']:<{names}}  {row['expression_input']:<{inputs}}  {float(row['mean']):.3f}   {interval}"
        )
    return [*lines, f"Report: {results / 'report.html'}"]


if __name__ == "__main__":
    try:
        print("\n".join(lines_of(Path(sys.argv[1]))))  # noqa: T201 - this is what it is for
    except MgiError as error:
        sys.exit(f"results: {error}")
