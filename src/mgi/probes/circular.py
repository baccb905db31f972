"""Features that tell a label by themselves, since it was read off them: named beside the score, or left out."""

from collections.abc import Sequence
from dataclasses import replace

from mgi.cohort.labels.file import LabelTable
from mgi.probes.classification import FoldFeatures, Told


def without_refused(labels: LabelTable, target: str, folds: Sequence[FoldFeatures]) -> list[FoldFeatures]:
    """The folds; where circular pairs are refused, without the sets of features that make one with the label."""
    if not labels.refuses_circular:
        return list(folds)
    return [
        replace(place, sets=[one for one in place.sets if labels.circular(target, one.modalities) is None])
        for place in folds
    ]


def marked(told: Told, labels: LabelTable, target: str, folds: Sequence[FoldFeatures]) -> Told:
    """The same with the reason beside each score that is circular."""
    reasons = {one.name: labels.circular(target, one.modalities) for place in folds for one in place.sets}
    return replace(told, scores=[{**row, "circular": reasons[row["features"]]} for row in told.scores])
