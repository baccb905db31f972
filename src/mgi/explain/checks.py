"""Checks beside attributions: each a number, what it should be, and whether it is.

They say whether attributions tell of what a network has learned. They do not say that a gene causes anything.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mgi.core.run import PERMUTED_PAIRS
from mgi.explain.attribution_file import IG, IG_NOISE, TRAINED, Attributions
from mgi.explain.ranking import (
    Values,
    agreement_given,
    area_between,
    mean_absolute,
    rank_agreement,
    relative_to,
    signed_agreement,
    stability,
)
from mgi.explain.settings import TOLERANCE
from mgi.explain.tables import preferred, values_in

CHECKS = ("run", "value", "check", "found", "expected", "passed", "about")
UNALIKE, ALIKE = 0.2, 0.8
"""Rank correlations up to which two rankings are unalike, and above which alike."""
Row = tuple[Any, ...]


def check_rows(found: Attributions, deletion: pd.DataFrame, attention: pd.DataFrame) -> Iterator[Row]:
    """Rows of CHECKS for one run; `deletion` is its table of curves, `attention` its maps."""
    for value in values_in(found):
        for check, number, low, high, about in _of_value(found, value, deletion):
            yield _row(found.run.key, value, check, number, low, high, about)
        if value == "mask":
            for check, number, about in _of_attention(found, attention):
                yield _row(found.run.key, value, check, number, None, None, about)


def permuted_rows(found: Sequence[Attributions]) -> Iterator[Row]:
    """How far the ranking of each pre-training is that on permuted pairs of the same genes, a mean over those."""
    permuted = permuted_among(found)
    for one in [one for one in found if one.run.control != PERMUTED_PAIRS]:
        same_genes = [other for other in permuted if one.gene_ids == other.gene_ids]
        for value in values_in(one):
            beside = [other for other in same_genes if value in values_in(other)]
            if not beside:
                continue
            own, *others = (mean_absolute(each.of(value, preferred(each, value))) for each in (one, *beside))
            agreement = float(np.mean([rank_agreement(own, other) for other in others]))
            about = (
                f"Spearman's correlation of mean |attribution| with that of permuted pairs, a mean over {len(beside)}"
            )
            yield _row(one.run.key, value, "permuted_pairs", agreement, None, UNALIKE, about)
            if one.spans or not all(each.random_draws(value) for each in (one, *beside)):
                continue
            relative, *others_relative = (_relative_to_random(each, value) for each in (one, *beside))
            agreement = float(np.mean([rank_agreement(relative, other) for other in others_relative]))
            about = "the same, each score over what random weights of its own run give the gene"
            yield _row(one.run.key, value, "permuted_pairs_relative", agreement, None, UNALIKE, about)


def permuted_among(found: Sequence[Attributions]) -> list[Attributions]:
    """Those of networks of permuted pairs."""
    return [one for one in found if one.run.control == PERMUTED_PAIRS]


def _relative_to_random(found: Attributions, value: str) -> Values:
    scores = mean_absolute(found.of(value, preferred(found, value)))
    return relative_to(scores, [mean_absolute(draw) for draw in found.random_draws(value)])


def stability_rows(found: Sequence[Attributions]) -> Iterator[Row]:
    """How far the rankings of runs that differ in fold or seed agree, where there are several."""
    together: dict[tuple[str, str], list[Mapping[str, float]]] = {}
    for one in found:
        if one.run.control is not None:
            continue
        for value in values_in(one):
            scores = mean_absolute(one.of(value, preferred(one, value)))
            ranking = dict(zip(one.gene_ids, scores.tolist(), strict=True))
            together.setdefault((value, one.run.method), []).append(ranking)
    for (value, _), rankings in together.items():
        if len(rankings) > 1:
            about = f"Kendall's tau of mean |attribution|, a mean over pairs of {len(rankings)} runs"
            yield _row("all", value, "stability", stability(rankings), None, None, about)


def _of_value(
    found: Attributions, value: str, deletion: pd.DataFrame
) -> Iterator[tuple[str, float, float | None, float | None, str]]:
    rows = (found.value == value) & (found.network == TRAINED)
    steps, kind = int(found.steps[rows].max()), "largest miss of a patient's sum, as a share"
    yield "completeness", float(found.error[rows].max()), None, TOLERANCE, f"{kind}; {steps} steps at most"
    plain = found.of(value, IG)
    scores = mean_absolute(plain)
    if random := found.random_draws(value):
        about = f"Spearman's correlation of mean |attribution| with that of random weights, a mean over {len(random)}"
        alike = float(np.mean([rank_agreement(scores, mean_absolute(draw)) for draw in random]))
        yield "random_weights", alike, None, None if found.spans else UNALIKE, about
        for name, span in found.spans.items():
            size = np.array(found.about["input_sizes"][span])
            each = [agreement_given(scores[span], mean_absolute(draw)[span], size) for draw in random]
            about = f"the same of {name} alone, given how much of each number reaches any network"
            yield f"random_weights_{name}", float(np.mean(each)), None, UNALIKE, about
        about = "the same of signed attributions, a mean over patients too"
        signed = float(np.mean([signed_agreement(plain, draw) for draw in random]))
        yield "random_weights_signed", signed, -UNALIKE, UNALIKE, about
    if len(noisy := found.of(value, IG_NOISE)):
        about = "Spearman's correlation of mean |attribution| with and without noise"
        yield "noise", rank_agreement(scores, mean_absolute(noisy)), ALIKE, None, about
    curves = deletion[deletion["value"] == value].pivot_table(index="share", columns="order", values="remaining")
    about = "area by which the answer falls faster when a patient's strongest genes go first, than at random"
    yield (
        "deletion",
        area_between(list(curves.index), curves["random"].tolist(), curves["own"].tolist()),
        0.0,
        None,
        about,
    )


def _of_attention(found: Attributions, attention: pd.DataFrame) -> Iterator[tuple[str, float, str]]:
    empty = found.about.get("without_predicted_tumour", [])
    yield "without_predicted_tumour", float(len(empty)), "patients left out: the network predicts no tumour"
    for column, whose in (("other", "another patient's genes"), ("null", "the null token")):
        each = [_correlation(own, two) for own, two in zip(attention["own"], attention[column], strict=True)]
        if each:
            about = f"correlation of attention maps with own genes and with {whose}, a mean over {len(each)} slices"
            yield f"attention_{column}", float(np.mean(each)), about


def _correlation(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> float:
    return float(np.corrcoef(one, two)[0, 1]) if np.ptp(one) and np.ptp(two) else math.nan


def _row(run: str, value: str, check: str, found: float, low: float | None, high: float | None, about: str) -> Row:
    """`low` and `high` bound what is expected; without either nothing is, and nothing is passed."""
    if low is None and high is None:
        return run, value, check, found, "", "", about
    expected = f"at most {high:g}" if low is None else f"above {low:g}" if high is None else f"{low:g} to {high:g}"
    inside = (low is None or found > low) and (high is None or found <= high)
    return run, value, check, found, expected, "yes" if inside else "no", about
