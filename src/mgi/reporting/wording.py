"""The result in words, by what the intervals allow and no further; the numbers stand in tables beside them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mgi.core.run import EXPRESSION, NO_GENES, NO_PRETRAINING, RANDOM_ID, apart
from mgi.evaluation.cohort_tables import REFERENCE
from mgi.evaluation.expression_inputs import PERMUTED
from mgi.evaluation.patient_scores import as_trained
from mgi.reporting.key_results import strongest_of
from mgi.reporting.results import Results
from mgi.tasks.text import in_order, interval, method_name, number, rows_by

Row = Mapping[str, Any]
_RETRAINED = {
    RANDOM_ID: "on a fixed random vector per patient",
    NO_GENES: "without genes",
    NO_PRETRAINING: "without pre-training",
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
        sentences += [*_read_as_genes(results.config), *_genes(results.audit)]
    return [*sentences, *_together(rows)]


def simulation_note(config: Mapping[str, Any]) -> str:
    """What a simulated cohort can show, by what its genes do in it; a config without a simulation does not say."""
    match (config.get("simulation") or {}).get("genes_drive_images"):
        case True:
            return (
                "A program generated the cohort, in which genes shape the images. "
                "It can show that the pipeline finds such an effect, not that patients have it."
            )
        case False:
            return (
                "A program generated the cohort, in which genes have nothing to do with the images: "
                "what one of them seems to tell of the other is chance or a fault."
            )
        case _:
            return "A program generated the cohort. Nothing here is a finding about patients."


def _score(label: str, row: Row, results: Results) -> str:
    who = "simulated patients" if results.simulated else "patients"
    reporting = results.reporting
    name = reporting.definition_name(results.headline)
    seen = f"On {int(row['n'])} {who}, each tested by models that had not seen them, {method_name(label)} reached"
    if results.section.of_cohort:
        return f"{seen} {name} {number(row['mean'])} (95 % CI {interval(row['low'], row['high'])})."
    counted = row.get("below_half")  # of scores from 0 to 1
    low = "" if counted is None else f"; {int(counted) or 'none'} scored below 0.5"
    mean = f"{number(row['mean'])} (95 % CI {interval(row['low'], row['high'])})"
    return f"{seen} a mean {name} {reporting.score_name} of {mean}{low}."


def _against_others(rows: Mapping[str, Row], tests: pd.DataFrame) -> list[str]:
    compared = rows_by(tests, "method")
    rival = strongest_of({label: row for label, row in rows.items() if label in compared})
    if rival is None:
        return []
    name = f"{method_name(rival)}, the best of the other networks"
    return [
        _reading(
            compared[rival],
            f"MGI scores higher than {name}.",
            f"MGI scores lower than {name}.",
            f"These results do not tell MGI from {name}.",
        )
    ]


def _together(rows: Mapping[str, Row]) -> list[str]:
    """What the mean of several trainings scored, of each method that has it."""
    means = {label: row["mean"] for label, row in rows.items() if apart(label)[1]}
    if not means:
        return []
    said = [f"{method_name(apart(label)[0])} {number(means[label])}" for label in in_order(list(means))]
    return [f"Several trainings of a method together, by the mean of their logits: {', '.join(said)}."]


def _read_as_genes(config: Mapping[str, Any]) -> list[str]:
    """What genes stand for, where MGI reads other modalities than expression alone."""
    names = list(config.get("finetune", {}).get("modalities", [EXPRESSION]))
    if names == [EXPRESSION]:
        return []
    return [f"MGI reads {' and '.join(names)}: what is said of genes is of all that it reads together."]


def _genes(audit: pd.DataFrame) -> list[str]:
    by_condition = rows_by(audit, "condition")
    sentences = []
    if row := by_condition.get(PERMUTED):
        sentences.append(
            _reading(
                row,
                "It scores higher with a patient's own genes than with another patient's: in this cohort the model "
                "uses what the genes say.",
                "It scores lower with a patient's own genes than with another patient's: in this cohort the own genes "
                "made the predictions worse.",
                "Another patient's genes in place of the own do not change its score for certain: these results do "
                "not show that the model uses what the genes say.",
            )
        )
    for condition, trained in _RETRAINED.items():
        if row := by_condition.get(condition):
            again = f"Trained again {trained}, MGI"
            around = f"{again} does not score differently for certain."
            sentences.append(_reading(row, f"{again} scores lower.", f"{again} scores higher.", around))
    return sentences


def _reading(row: Row, above: str, below: str, around: str) -> str:
    """One of three readings of an interval: above zero, below zero, or around it (or absent)."""
    if row["low"] > 0:
        return above
    return below if row["high"] < 0 else around
