"""Results of six patients, small enough to read: MGI, its twin without genes, and U-Net."""

import math

import pandas as pd

from mgi.commands.compare import _results
from mgi.evaluation.cohort_tables import audit_table, paired_tests
from mgi.reporting.results import Results
from mgi.tasks.report_parts import Section
from mgi.tasks.segmentation import reporting, scoring

PATIENTS = [f"TCGA-CS-{i:04}" for i in range(6)]


def scores(method: str, given: str, shift: float) -> pd.DataFrame:
    """Six patients around a Dice of .7, each its own amount away from the others."""
    rows = [
        {"task": "segmentation", "method": method, "expression_input": given, "patient_id": name, "seeds": 1,
         **dict.fromkeys(scoring.definitions, 0.7 + 0.02 * i + shift * (1 + 0.1 * i)),
         "slices": 10.0, "tumour_slices": 4.0}
        for i, name in enumerate(PATIENTS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def results(permuted: float = -0.2, *, simulated: bool = False, methods: tuple[str, ...] = ("mgi", "unet")) -> Results:
    parts = [scores("mgi", "own", 0), scores("mgi", "permuted", permuted), scores("mgi-no-genes", "not_used", -0.1)]
    table = pd.concat(
        [*parts, scores("unet", "not_used", -0.3)] if "mgi" in methods else [scores("unet", "not_used", 0)]
    )
    locks = {
        kind: {"source": source, "simulated": simulated, "items": [{"patient_id": name} for name in PATIENTS]}
        for kind, source in (("rna", "gdc"), ("flair", "kaggle"))
    }
    return Results(
        cohort=pd.DataFrame({"patient_id": PATIENTS, "site": "CS", "status": "kept", "reason": None}),
        split=pd.DataFrame({"fold": 0, "patient_id": PATIENTS, "role": "test"}),
        locks=locks,
        lock_digests={"rna": "a" * 64, "flair": "b" * 64},
        results=results_table(table),
        no_genes=results_table(table[table["expression_input"] == "not_used"]),
        tests=paired_tests(table, "volume", 100, 0),
        audit=audit_table(table, "volume", 100, 0),
        patients=table,
        headline="volume",
        reporting=reporting,
        section=Section(html="", figures={}, links={}),
        analyses={},
        slices=dict.fromkeys(PATIENTS, 10),
        genes=None,
        curves=[],
        costs=[{"rule": "split", "jobs": 1, "wall_seconds": 1.0, "peak_mb": math.nan}],
        versions={"python": "3.11"},
        commit="c0ffee",
        machine="2 cores",
        config={"evaluation": {"bootstrap_draws": 100}},
    )


def results_table(patients: pd.DataFrame) -> pd.DataFrame:
    return _results(patients, scoring, draws=100, seed=0)
