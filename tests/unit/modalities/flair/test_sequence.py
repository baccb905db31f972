import csv
import itertools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mgi.modalities.flair.choice import choose_flair
from mgi.modalities.flair.sequence import confirm_flair, score


@dataclass(frozen=True)
class One:
    description: str = "AXIAL FLAIR"
    key: str = "1.1"
    study_uid: str = "1"
    study_date: str | None = "1994-09-08"
    modality: str = "MR"
    n_images: int = 20
    third_party: bool = False
    patient_id: str = "TCGA-CS-4941"
    size: int = 0
    contradiction: str | None = None
    doubts: tuple[str, ...] = ()


REAL_FLAIR = [
    "AXIAL FLAIR", "T2 AX FLAIR", "Ax Flair irFSE H", "FLAIRLongTR", "FLAIR AXIALS", "Ax FLAIR 2.5mm for surgery",
    "BRAIN_STRYKER/FLAIR", "BRAIN_CONTRAST/FLAIR", "BRAINSTRYKERFLAIR", "BRAINCONTRASTFLAIR", "RA ROUTINE FLAIR AX",
    "AXIAL FLAIR RF2  150", "AX T2 FLAIR", "Ax T2 Flair", "MRHG FLAIR AX", "MRHR FLAIR AX", "OPT FLAIR AX", "FLAIR AX",
    "AXIAL flair", "t2_tirm_tra_dark-fluid", "T2 3D CUBE FLAIR",
]  # fmt: skip
FALSE_FRIENDS = [
    "SAG T1 FLAIR", "AX T1 FLAIR", "AX T1 POST GD FLAIR", "COR  T1 POST GD FLAIR", "AX FLAIR MPR", "FLAIR_MIP",
    "T1W FLAIR", "AXIAL FLAIR Glioma Segmentation", "FLAIR localizer", "axial diff.", "", "AXIAL perf.",
    "AX T2 FR-FSE RF2 150", "RETROORBITT2LATEECHOB", "BRAINSTRYKERDIFFUSION", "DIFF 1000 24 FOV", "FASTBRAINEPIDIFF",
]  # fmt: skip


@pytest.mark.parametrize("name", REAL_FLAIR)
def test_real_names_of_flair_series_are_recognised(name):
    points, reason = score(One(name))
    assert points > 0
    assert reason == "FLAIR by name"


@pytest.mark.parametrize("name", FALSE_FRIENDS)
def test_false_friends_score_nothing(name):
    assert score(One(name))[0] == 0


def test_axial_beats_unstated_beats_sagittal_and_contrast_costs():
    ranked = ["AXIAL FLAIR", "AX FLAIR POST GD", "FLAIR", "SAG FLAIR", "COR FLAIR +C"]
    points = [score(One(name))[0] for name in ranked]
    assert points == [1.51, 1.26, 1.01, 0.51, 0.26]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modality": "CT"}, "modality CT"),
        ({"modality": ""}, "modality not stated"),
        ({"third_party": True}, "third-party analysis"),
        ({"n_images": 14}, "too few images (14 of at least 15)"),
        ({"description": "AX FLAIR MPR"}, "name says mpr"),
        ({"description": "AX T1 FLAIR"}, "a T1 FLAIR"),
        ({"description": "AX T2"}, "no FLAIR in the name"),
    ],
)
def test_every_refusal_has_its_reason(change, said):
    assert score(replace(One(), **change)) == (0.0, said)


def judged(*series):
    return {one.key: verdict for one, verdict in zip(series, choose_flair(series), strict=True)}


FLAIR = One()
T1 = One("SAG T1 FLAIR", key="1.2")
SEG = One("AXIAL FLAIR Glioma Segmentation", key="1.3", modality="SEG", n_images=1)


def test_one_flair_is_chosen_with_the_segmentation_of_its_study():
    found = judged(T1, SEG, FLAIR)
    assert [(found[key].role, found[key].chosen) for key in ("1.1", "1.2", "1.3")] == [
        ("flair", True),
        ("other", False),
        ("mask", True),
    ]
    assert all(verdict.reason for verdict in found.values())


def test_the_choice_does_not_depend_on_the_order_of_the_listing():
    rivals = (FLAIR, T1, SEG, One("SAG FLAIR", key="1.4"), One(key="2.1", study_uid="2", study_date="1999-01-01"))
    first = judged(*rivals)
    for order in itertools.permutations(rivals):
        assert judged(*order) == first
    assert first["1.1"].chosen
    assert first["1.4"].reason == "scores below 1.1"
    assert first["2.1"].reason == "other study preferred"


def test_the_earliest_study_with_a_flair_is_used():
    early = One("AX T1 FLAIR", key="0.1", study_uid="0", study_date="1990-01-01")
    late = One(key="2.1", study_uid="2", study_date="1999-01-01")
    undated = One(key="3.1", study_uid="3", study_date=None)
    found = judged(late, undated, early, FLAIR)
    assert [key for key, verdict in found.items() if verdict.chosen] == ["1.1"]


def test_a_study_with_a_segmentation_goes_before_an_earlier_one_without():
    early = One(key="0.1", study_uid="0", study_date="1990-01-01")
    assert [key for key, verdict in judged(early, FLAIR, SEG).items() if verdict.chosen] == ["1.1", "1.3"]


def test_equal_series_are_a_tie_and_nothing_is_chosen():
    twin = replace(FLAIR, key="1.9")
    found = judged(FLAIR, twin, SEG)
    assert not any(verdict.chosen for verdict in found.values())
    assert found["1.1"].reason == "tie with 1.9"
    assert found["1.3"].reason == "no FLAIR chosen"


def test_of_equal_names_the_one_with_more_images_wins():
    finer = replace(FLAIR, key="1.9", n_images=40)
    assert judged(FLAIR, finer)["1.9"].chosen


def test_no_flair_and_no_series_choose_nothing():
    assert not any(verdict.chosen for verdict in choose_flair([T1, SEG]))
    assert choose_flair([]) == []


GOOD = {
    "ScanningSequence": ["SE", "IR"],
    "InversionTime": 2200.0,
    "EchoTime": 120.0,
    "RepetitionTime": 9000.0,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
}


def test_tags_of_flair_series_contradict_nothing():
    assert confirm_flair(GOOD) is None
    assert confirm_flair({}) is None
    assert confirm_flair({**GOOD, "ScanningSequence": ["RM"]}) is None
    assert confirm_flair({**GOOD, "InversionTime": 1650.0, "RepetitionTime": 4800.0, "EchoTime": 386.75}) is None
    assert confirm_flair({**GOOD, "InversionTime": 1400.0}) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"InversionTime": 860.0}, "inversion time 860 ms is that of a T1 FLAIR"),
        ({"ScanningSequence": ["SE"], "InversionTime": None}, "scanning sequence SE is not an inversion recovery"),
        ({"EchoTime": 12.0}, "echo time 12 ms is below 70 ms"),
        ({"RepetitionTime": 2200.0}, "repetition time 2200 ms is below 4000 ms"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "slices are not axial (|cosine| to the body axis 0.00)"),
    ],
)
def test_tags_that_contradict_a_flair_are_named(change, said):
    assert confirm_flair({**GOOD, **change}) == said


def test_the_axial_cosine_of_a_tilted_plane():
    assert "(|cosine| to the body axis 0.80)" in confirm_flair({"ImageOrientationPatient": [1, 0, 0, 0, 0.8, 0.6]})
    assert confirm_flair({"ImageOrientationPatient": [1, 0, 0]}) is None
    assert confirm_flair({"ImageOrientationPatient": None}) is None


@pytest.mark.skipif("MGI_SHARED_DATA" not in os.environ, reason="MGI_SHARED_DATA is not set")
def test_on_66_real_patients_no_t1_is_ever_chosen_and_every_true_flair_is():
    """The list's FLAIR column was filled by hand; five or so of its entries are not FLAIR and must not be chosen."""
    path = Path(os.environ["MGI_SHARED_DATA"]) / "tcia" / "tcga_lgg_series_folder_names_66_patients.csv"
    with path.open() as text:
        rows = list(csv.DictReader(text))
    chosen = []
    for row in rows:
        series = [
            One(re.sub(r"^[\d.]+-|-\d+$", "", row[column].strip().split("/")[4]), key=column)
            for column in ("T1", "T1C", "T2", "FLAIR")
        ]
        chosen += [
            (one.key, one.description)
            for one, verdict in zip(series, choose_flair(series), strict=True)
            if verdict.chosen
        ]
    assert {key for key, _ in chosen} == {"FLAIR"}
    assert len(rows) == 66
    assert len(chosen) == 61
