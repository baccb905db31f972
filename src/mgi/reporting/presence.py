"""Who has which modality: combinations of modalities with their patients, hospitals, and reasons of absence."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from mgi.cohort.pairing import KEPT
from mgi.cohort.tables import Cohort


class Combination(NamedTuple):
    """Patients who have these modalities and no other; `kept` of them are in the cohort."""

    modalities: tuple[str, ...]
    patients: int
    kept: int


def combinations(cohort: Cohort) -> list[Combination]:
    """Each combination that somebody has, the most frequent first, then the one with more modalities.

    Every patient of `cohort` is in one of them, those who were dropped included.
    """
    names = list(cohort.companions)
    patients: Counter[tuple[str, ...]] = Counter()
    kept: Counter[tuple[str, ...]] = Counter()
    for has, status in zip(cohort.table[names].to_numpy(bool), cohort.table["status"], strict=True):
        own = tuple(name for name, there in zip(names, has, strict=True) if there)
        patients[own] += 1
        kept[own] += status == KEPT
    found = [Combination(own, count, kept[own]) for own, count in patients.items()]
    return sorted(found, key=lambda one: (-one.patients, -len(one.modalities), one.modalities))


def by_site(cohort: Cohort) -> list[dict[str, Any]]:
    """Of each hospital the patients, those kept, and `has`: how many have each modality; the largest first."""
    rows = [
        {
            "site": site,
            "patients": len(own),
            "kept": int((own["status"] == KEPT).sum()),
            "has": {name: int(own[name].sum()) for name in cohort.companions},
        }
        for site, own in cohort.table.groupby("site")
    ]
    return sorted(rows, key=lambda row: (-row["patients"], row["site"]))


def reasons(cohort: Cohort) -> list[dict[str, Any]]:
    """Of each modality how many lack it, by reason, the most frequent first.

    Reasons that end in details after a colon are counted together.
    """
    rows = []
    for name in cohort.companions:
        lacking = cohort.table.loc[~cohort.table[name], f"{name}_reason"]
        counts = Counter(_short(reason) for reason in lacking)
        for reason, patients in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            rows.append({"modality": name, "reason": reason, "patients": patients})
    return rows


def _short(reason: Any) -> str:
    return "no reason given" if pd.isna(reason) else str(reason).split(":")[0]


def in_strip(found: Sequence[Combination], name: str) -> list[tuple[int, int]]:
    """Where the patients of a modality stand when all are in the order of their combinations: starts and lengths."""
    spans: list[tuple[int, int]] = []
    start = 0
    for one in found:
        if name in one.modalities:
            touches = spans and sum(spans[-1]) == start
            first, length = spans.pop() if touches else (start, 0)
            spans.append((first, length + one.patients))
        start += one.patients
    return spans
