"""The result in three rows: MGI, the strongest other network, and MGI with another patient's genes."""

from collections.abc import Mapping
from typing import Any

from mgi.evaluation.cohort_tables import REFERENCE, strongest_rival
from mgi.evaluation.expression_inputs import PERMUTED
from mgi.evaluation.patient_scores import as_trained
from mgi.reporting.results import Results
from mgi.tasks.text import EXPRESSION_INPUTS, in_order, method_name, rows_by

Row = Mapping[str, Any]
ROWS = 3


def key_rows(results: Results) -> list[dict[str, Any]]:
    """Name, what it read, score with interval, and MGI minus it; without MGI the best methods alone.

    `difference` is None in the row of MGI and where nothing was compared.
    """
    table = results.results[results.results["definition"] == results.headline]
    trained = rows_by(as_trained(table), "method")
    if REFERENCE not in trained:
        best = sorted(in_order(list(trained)), key=lambda label: -float(trained[label]["mean"]))
        return [_row(trained[label]) for label in best[:ROWS]]
    found = [_row(trained[REFERENCE])]
    if rival := strongest_of(trained):
        found.append(_row(trained[rival], rows_by(results.tests, "method").get(rival), "the best other network"))
    other = rows_by(table[table["expression_input"] == PERMUTED], "method").get(REFERENCE)
    compared = rows_by(results.audit, "condition").get(PERMUTED)
    return [*found, _row(other, compared, "the same trained model")] if other else found


def strongest_of(rows: Mapping[str, Row]) -> str | None:
    """The best other network by its mean."""
    return strongest_rival({label: float(row["mean"]) for label, row in rows.items()})


def _row(row: Row, compared: Row | None = None, note: str = "") -> dict[str, Any]:
    read = EXPRESSION_INPUTS[str(row["expression_input"])]
    return {**row, "name": method_name(str(row["method"])), "note": note, "read": read, "compared": compared}
