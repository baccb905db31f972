"""The result in a paragraph, worded by what the intervals allow and no further."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mgi.core.run import NO_GENES, NO_PRETRAINING, RANDOM_ID, apart
from mgi.evaluation.cohort_tables import REFERENCE, is_reference_again
from mgi.evaluation.expression_inputs import PERMUTED
from mgi.evaluation.patient_scores import as_trained
from mgi.reporting.results import Results
from mgi.tasks.text import in_order, interval, method_name, number, p_text, rows_by

Row = Mapping[str, Any]
_RETRAINED = {
    RANDOM_ID: ("on a fixed random vector per patient", "genes", "the random vectors"),
    NO_GENES: ("without genes", "genes", "no genes"),
    NO_PRETRAINING: ("without pre-training", "pre-training", "no pre-training"),
}


def result_sentences(results: Results) -> list[str]:
    """What MGI scored, how it stands against the strongest other method, and what its genes contribute."""
    compared = as_trained(results.results)
    rows = rows_by(compared[compared["definition"] == results.headline], "method")
    if not rows:
        return ["No method has been evaluated yet."]
    leader = REFERENCE if REFERENCE in rows else max(sorted(rows), key=lambda label: float(rows[label]["mean"]))
    sentences = [_score(leader, rows[leader], results)]
    if REFERENCE in rows:
        sentences += _against_others(rows, results.tests)
        sentences += _genes(results.audit, results.reporting.score_name)
    return [*sentences, *_together(rows)]


def _score(label: str, row: Row, results: Results) -> str:
    who = "simulated patients" if results.simulated else "patients"
    reporting = results.reporting
    name = reporting.definition_name(results.headline)
    seen = f"On {int(row['n'])} {who}, each tested by models that had not seen them, {method_name(label)} reached"
    if results.section.of_cohort:
        return f"{seen} {name} {number(row['mean'])} (95 % CI {interval(row['low'], row['high'])})."
    what = f"{name} {reporting.score_name}"
    counted = row.get("below_half")  # of scores from 0 to 1
    low = "" if counted is None else f"; {int(counted) or 'none'} scored below 0.5"
    return (
        f"{seen} a mean {what} of {number(row['mean'])} (95 % CI {interval(row['low'], row['high'])}, median "
        f"{number(row['median'])}){low}."
    )


def _against_others(rows: Mapping[str, Row], tests: pd.DataFrame) -> list[str]:
    rivals = tests["method"].map(lambda label: not is_reference_again(label) and not apart(label)[1])
    networks = rows_by(tests[rivals.astype(bool)], "method")
    if not networks:
        return []
    strongest = max(sorted(networks), key=lambda label: float(rows[label]["mean"]))
    test = networks[strongest]
    name, p = method_name(strongest), p_text(test["p_holm"])
    holm = f"; Holm-adjusted p {p if p.startswith('<') else f'= {p}'}"
    return [
        f"The highest mean among the other networks is {name}'s {number(rows[strongest]['mean'])}; on the same "
        f"patients MGI minus {name} is {_difference(test, holm)}, "
        f"{_reading(test, 'in favour of MGI', f'in favour of {name}')}."
    ]


def _together(rows: Mapping[str, Row]) -> list[str]:
    """What the mean of several trainings scored, of each method that has it."""
    means = {label: row["mean"] for label, row in rows.items() if apart(label)[1]}
    if not means:
        return []
    said = [f"{method_name(apart(label)[0])} {number(means[label])}" for label in in_order(list(means))]
    return [f"Several trainings of a method together, by the mean of their logits: {', '.join(said)}."]


def _genes(audit: pd.DataFrame, score_name: str) -> list[str]:
    by_condition = rows_by(audit, "condition")
    sentences = []
    if row := by_condition.get(PERMUTED):
        reading = _reading(
            row,
            "in this cohort the model uses what the genes say",
            "in this cohort the own genes made the predictions worse",
            "these results do not show that the model uses what the genes say",
        )
        sentences.append(
            "A patient's own genes instead of another patient's change the "
            f"{score_name} of the same model by {_difference(row)}: {reading}."
        )
    for condition, (trained, gained, lost) in _RETRAINED.items():
        if row := by_condition.get(condition):
            reading = _reading(row, f"in favour of {gained}", f"in favour of {lost}")
            sentences.append(f"Against MGI retrained {trained} the difference is {_difference(row)}, {reading}.")
    return sentences


def _reading(row: Row, above: str, below: str, around: str = "which does not tell the two apart") -> str:
    """One of three readings of an interval: above zero, below zero, or around it (or absent)."""
    if row["low"] > 0:
        return above
    return below if row["high"] < 0 else around


def _difference(row: Row, p: str = "") -> str:
    """A difference with its interval in brackets."""
    bounds = interval(row["low"], row["high"], signed=True)
    return f"{number(row['difference'], signed=True)} (95 % CI {bounds}{p})"
