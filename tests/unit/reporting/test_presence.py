import numpy as np
import pandas as pd

from mgi.cohort.tables import Cohort
from mgi.reporting.presence import by_site, combinations, in_strip, reasons


def cohort(has: dict[str, list[int]], dropped: int = 0) -> Cohort:
    """Patients of two sites in turn who have modalities by 0 and 1; the first ones are dropped."""
    n = len(next(iter(has.values())))
    table = pd.DataFrame({"patient_id": [f"P{row}" for row in range(n)], "site": [*"AB" * n][:n]})
    table["status"] = ["dropped"] * dropped + ["kept"] * (n - dropped)
    for name, values in has.items():
        table[name] = np.array(values, bool)
        table[f"{name}_reason"] = [None if value else f"no {name}: of P{row}" for row, value in enumerate(values)]
    return Cohort(table=table, companions=dict.fromkeys(has, ()), images=(), required=("rna",))


def random_cohort(seed: int) -> Cohort:
    drawn = np.random.default_rng(seed).integers(0, 2, (4, 50)).tolist()
    return cohort(dict(zip(("rna", "flair", "cn", "mirna"), drawn, strict=True)), dropped=9)


def test_combinations_are_exact_and_ordered_by_their_patients() -> None:
    found = combinations(cohort({"rna": [1, 1, 1, 0, 0], "cn": [1, 1, 0, 0, 1]}, dropped=1))
    assert [tuple(one) for one in found] == [
        (("rna", "cn"), 2, 1), (("cn",), 1, 1), (("rna",), 1, 1), ((), 1, 1),
    ]  # fmt: skip


def test_nobody_is_lost_and_counts_are_those_of_pandas() -> None:
    known = random_cohort(0)
    names = list(known.companions)
    expected = known.table.groupby(names).size()
    found = combinations(known)
    assert {tuple(name in one.modalities for name in names): one.patients for one in found} == expected.to_dict()
    assert sum(one.kept for one in found) == 41
    assert sum(row["patients"] for row in by_site(known)) == 50


def test_the_strip_has_every_patient_of_a_modality_once_and_touching_spans_are_one() -> None:
    known = random_cohort(1)
    found = combinations(known)
    for name in known.companions:
        spans = in_strip(found, name)
        assert sum(length for _, length in spans) == known.table[name].sum()
        ends = [start + length for start, length in spans]
        assert all(start > end for end, (start, _) in zip(ends, spans[1:], strict=False))


def test_hospitals_are_counted_by_modality() -> None:
    first, second = by_site(cohort({"rna": [1, 1, 0], "cn": [0, 1, 0]}, dropped=1))
    assert first == {"site": "A", "patients": 2, "kept": 1, "has": {"rna": 1, "cn": 0}}
    assert second == {"site": "B", "patients": 1, "kept": 1, "has": {"rna": 1, "cn": 1}}


def test_reasons_are_counted_for_all_who_lack_a_modality_without_their_details() -> None:
    known = cohort({"rna": [1, 0, 0], "cn": [0, 0, 0], "mirna": [1, 1, 1]})
    known.table.loc[0, "cn_reason"] = None
    assert reasons(known) == [
        {"modality": "rna", "reason": "no rna", "patients": 2},
        {"modality": "cn", "reason": "no cn", "patients": 2},
        {"modality": "cn", "reason": "no reason given", "patients": 1},
    ]
