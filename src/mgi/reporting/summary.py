"""The report's numbers for machines."""

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from mgi.evaluation.expression_inputs import OWN
from mgi.reporting.provenance import config_sha256
from mgi.reporting.results import Results

DIGITS = 6
SCORE_COLUMNS = ["task", "method", "expression_input", "definition", "mean", "median", "low", "high", "n"]


def summary(results: Results) -> dict[str, Any]:
    """Counts, scores, audit, tests, costs and provenance; numbers to six digits, undefined ones null."""
    flow = results.flow
    content = {
        "cohort": {
            "genes": results.genes,
            **{name: value for name, value in flow.items() if name not in ("known", "folds", "sites")},
        },
        "results": _records(results.results, SCORE_COLUMNS),
        "results_no_genes": _records(results.no_genes, SCORE_COLUMNS),
        "audit": _audit(results.audit),
        "tests": _records(results.tests, list(results.tests.columns)),
        "rules": results.costs,
        "simulated": results.simulated,
        "versions": dict(results.versions),
        "commit": results.commit,
        "machine": results.machine,
        "config_sha256": config_sha256(results.config),
    }
    return {name: _clean(value) for name, value in content.items()}


def _audit(audit: pd.DataFrame) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    for row in _records(audit, list(audit.columns)):
        name = str(row.pop("condition"))
        conditions[name] = {"mean": row["mean"], "n": row["n"]} if name == OWN else row
    return conditions


def _records(table: pd.DataFrame, columns: list[str]) -> list[dict[Hashable, Any]]:
    return table[columns].astype(object).to_dict("records")


def _clean(value: Any) -> Any:
    """Round floats, turn nan into null and numpy numbers into plain ones."""
    if isinstance(value, Mapping):
        return {str(key): _clean(entry) for key, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_clean(entry) for entry in value]
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float):
        return round(plain, DIGITS) if math.isfinite(plain) else None
    return plain
