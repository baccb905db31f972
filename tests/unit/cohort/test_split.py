from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import SplitRow, split_patients, whole_cohort
from mgi.cohort.tables import write_split_sites
from mgi.core.errors import BadInputError, ConfigError

# The sites of the Buda set: DU 45, HT 34, CS 16, FG 14, EZ 1.
PATIENTS = [
    f"TCGA-{site}-{index:04d}"
    for site, count in (("DU", 45), ("HT", 34), ("CS", 16), ("FG", 14), ("EZ", 1))
    for index in range(count)
]


class BySiteCode(dict[str, str]):
    """The site of every patient that is asked for, by its barcode."""

    def __missing__(self, patient: str) -> str:
        return patient[5:7]


SITES = BySiteCode()


def roles(rows: list[SplitRow], fold: int) -> dict[str, set[str]]:
    found = defaultdict(set)
    for row in rows:
        if row.fold == fold:
            found[row.role].add(row.patient_id)
    return found


@pytest.mark.parametrize("seed", range(100))
def test_no_patient_has_two_roles_in_a_fold_and_each_is_tested_once(seed: int) -> None:
    rows = split_patients(PATIENTS, SplitSettings(seed=seed), sites=SITES)
    tested = Counter()
    for fold in range(5):
        found = roles(rows, fold)
        assert set(found) == {"train", "validation", "test"}
        assert sum(len(part) for part in found.values()) == len(PATIENTS)
        assert set.union(*found.values()) == set(PATIENTS)
        tested.update(found["test"])
    assert tested == Counter(PATIENTS)


def test_folds_are_even_in_size_and_in_sites() -> None:
    rows = split_patients(PATIENTS, SplitSettings(), sites=SITES)
    for fold in range(5):
        test = roles(rows, fold)["test"]
        sites = Counter(patient[5:7] for patient in test)
        assert len(test) == 22
        assert sites["DU"] == 9
        assert sites["HT"] in (6, 7)
        assert sites["CS"] in (3, 4)
        assert sites["FG"] in (2, 3)


def test_validation_is_the_asked_share_of_the_training_part_from_every_site() -> None:
    rows = split_patients(PATIENTS, SplitSettings(validation_fraction=0.25), sites=SITES)
    found = roles(rows, 0)
    assert len(found["validation"]) == 22  # a quarter of 88
    assert {patient[5:7] for patient in found["validation"]} >= {"DU", "HT", "CS", "FG"}


def test_the_order_of_the_patients_does_not_matter() -> None:
    shuffled = [PATIENTS[index] for index in np.random.default_rng(0).permutation(len(PATIENTS))]
    assert split_patients(shuffled, SplitSettings(), sites=SITES) == split_patients(
        PATIENTS, SplitSettings(), sites=SITES
    )


def test_seeds_differ_and_repeat() -> None:
    one, again, two = (split_patients(PATIENTS, SplitSettings(seed=seed), sites=SITES) for seed in (1, 1, 2))
    assert one == again
    assert one != two


def test_rows_are_sorted_by_fold_and_patient() -> None:
    rows = split_patients(PATIENTS, SplitSettings(), sites=SITES)
    assert rows == sorted(rows, key=lambda row: (row.fold, row.patient_id))
    assert rows[0].site == "CS"


def test_small_sites_are_pooled_and_spread() -> None:
    patients = [f"TCGA-{site}-{index:04d}" for site in ("AA", "BB", "CC", "DD") for index in range(2)]
    rows = split_patients(patients, SplitSettings(folds=4), sites=SITES)
    assert [len(roles(rows, fold)["test"]) for fold in range(4)] == [2, 2, 2, 2]


def test_fewer_patients_than_folds_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"split: 4 .* 5 "):
        split_patients(PATIENTS[:4], SplitSettings(), sites=SITES)
    assert len(split_patients(PATIENTS[:5], SplitSettings(), sites=SITES)) == 25


def test_patients_that_leave_no_training_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"split: 2 .*fold 0"):
        split_patients(PATIENTS[:2], SplitSettings(folds=2), sites=SITES)


def test_a_repeated_patient_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"split: .* twice"):
        split_patients([*PATIENTS, PATIENTS[0]], SplitSettings(), sites=SITES)


@pytest.mark.parametrize(
    "given", [{"folds": 1}, {"validation_fraction": 0.0}, {"validation_fraction": 1.0}, {"seed": -1}, {"k": 5}]
)
def test_a_setting_out_of_range_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"^split\."):
        SplitSettings.read(given, where="split")


def test_patients_without_image_are_in_no_folds_test_and_change_nothing_for_the_others(tmp_path: Path) -> None:
    unpaired = ["TCGA-ZZ-0002", "TCGA-AA-0001"]
    rows = split_patients(PATIENTS, SplitSettings(), unpaired, sites=SITES)
    plain = split_patients(PATIENTS, SplitSettings(), sites=SITES)
    assert [row for row in rows if row.patient_id not in unpaired] == plain
    assert {(row.fold, row.patient_id, row.role) for row in rows if row.patient_id in unpaired} == {
        (fold, patient, "unpaired_expression") for fold in range(5) for patient in unpaired
    }
    assert rows == sorted(rows, key=lambda row: (row.fold, row.patient_id))
    assert write_split_sites(rows, tmp_path / "a.tsv").equals(write_split_sites(plain, tmp_path / "b.tsv"))


def test_a_patient_without_expression_is_tested_once_without_genes_and_changes_nothing_for_the_others(
    tmp_path: Path,
) -> None:
    apart = [f"TCGA-ZZ-000{index}" for index in range(7)]
    rows = split_patients(PATIENTS, SplitSettings(), unpaired_image=apart[::-1], sites=SITES)
    plain = split_patients(PATIENTS, SplitSettings(), sites=SITES)
    assert [row for row in rows if row.patient_id not in apart] == plain
    found = [(row.patient_id, row.fold, row.role) for row in rows if row.patient_id in apart]
    assert sorted(found) == [(patient, index % 5, "unpaired_image") for index, patient in enumerate(apart)]
    assert rows == sorted(rows, key=lambda row: (row.fold, row.patient_id))
    assert write_split_sites(rows, tmp_path / "a.tsv").equals(write_split_sites(plain, tmp_path / "b.tsv"))


def test_a_patient_with_expression_is_never_one_without() -> None:
    for unpaired in ([], ["TCGA-ZZ-0001"]):
        apart = [*unpaired, *([] if unpaired else PATIENTS[:1])]
        with pytest.raises(BadInputError, match=r"split: TCGA-\S+ has expression"):
            split_patients(PATIENTS, SplitSettings(), unpaired, apart, sites=SITES)


def test_a_patient_with_an_image_is_never_one_without() -> None:
    with pytest.raises(BadInputError, match=f"{PATIENTS[0]} has an image"):
        split_patients(PATIENTS, SplitSettings(), [PATIENTS[0]], sites=SITES)


def test_the_whole_cohort_is_one_fold_more_that_tests_nobody() -> None:
    settings = SplitSettings(folds=5, validation_fraction=0.25)
    rows = whole_cohort(PATIENTS, settings, ["TCGA-XX-0001"], sites=SITES)
    found = roles(rows, 5)
    assert {row.fold for row in rows} == {5}
    assert {role: len(patients) for role, patients in found.items()} == {
        "train": 82,
        "validation": 28,
        "unpaired_expression": 1,
    }
    assert found["train"] | found["validation"] == set(PATIENTS)
    assert {patient[5:7] for patient in found["validation"]} >= {"DU", "HT", "CS", "FG"}
    with pytest.raises(BadInputError, match=r"split: 4 .* 5 "):
        whole_cohort(PATIENTS[:4], settings, sites=SITES)
