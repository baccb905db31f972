import csv
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from listed_series import One
from mgi.modalities.flair.choice import choose_flair
from mgi.modalities.flair.sequence import confirm_flair, doubts_of, score, tags_of_series

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


@pytest.mark.parametrize(
    ("axial", "other"),
    [("AXFLAIR", "CORFLAIR"), ("OAX FLAIR", "OCOR FLAIR"), ("TRAFLAIR", "SAGFLAIR"), ("AXT2FLAIR", "CORT2FLAIR"),
     ("FLAIRAX", "FLAIRCOR"), ("AX3DFLAIR", "SAG3DFLAIR"), ("t2flair_tra", "t2flair_sag"), ("AxialFlair", "OSagFlair"),
     ("OAXFLAIR", "OCORFLAIR"), ("AXFSEFLAIR", "CORFSEFLAIR")],
)  # fmt: skip
def test_planes_count_in_joined_words(axial, other):
    assert (score(One(axial))[0], score(One(other))[0]) == (1.51, 0.51)


@pytest.mark.parametrize("name", ["BRAINTRACE FLAIR", "FLAIRLongTR", "CORRECTED FLAIR", "FLAIR CORTEX"])
def test_words_that_begin_like_a_plane_are_none(name):
    assert score(One(name))[0] == 1.01


@pytest.mark.parametrize(
    "name", ["AX FLAIR ST1", "AX FLAIR ST1.5", "AX FLAIR SLT 1", "AX FLAIR THK1", "AX FLAIR PART1"]
)
def test_a_one_behind_other_words_is_no_t1(name):
    assert score(One(name)) == (1.51, "FLAIR by name")


@pytest.mark.parametrize(
    "name", ["AX FST1 FLAIR", "POSTT1FLAIR", "AX T1 FLAIR ST5", "CORT1FLAIR", "AXT1FLAIR", "FLAIR_T1"]
)
def test_a_t1_stays_one_in_joined_words(name):
    assert score(One(name)) == (0.0, "a T1 FLAIR")


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


GOOD = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "IR"],
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
        ({"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P"]}, "phase images, not magnitude"),
        ({"ComplexImageComponent": "REAL"}, "real images, not magnitude"),
        (
            {"ImageType": ["DERIVED", "SECONDARY", "SUBTRACTION"]},
            "ImageType DERIVED\\SECONDARY\\SUBTRACTION: computed from other images",
        ),
        (
            {"ImageType": ["derived", "primary", "MIN IP"]},
            "ImageType DERIVED\\PRIMARY\\MIN IP: computed from other images",
        ),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "slices are not axial (|cosine| to the body axis 0.00)"),
    ],
)
def test_tags_that_contradict_a_flair_are_named(change, said):
    assert confirm_flair({**GOOD, **change}) == said


@pytest.mark.parametrize(
    ("image_type", "n_doubts"),
    [
        (["ORIGINAL", "PRIMARY", "OTHER"], 0),
        (["ORIGINAL", "PRIMARY", "MPR"], 0),
        (None, 0),
        (["DERIVED", "PRIMARY", "M", "ND", "NORM"], 1),
        (["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"], 2),
        (["DERIVED", "PRIMARY", "MPR", "NORM"], 2),
    ],
)
def test_what_was_derived_is_a_second_choice_and_a_reformat_a_third(image_type, n_doubts):
    tags = {**GOOD, "ImageType": image_type}
    assert len(doubts_of(tags)) == n_doubts
    assert confirm_flair(tags) is None


def test_a_series_is_judged_by_the_magnitude_images_of_its_main_plane():
    coronal = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    phase = {**GOOD, "ImageType": ["ORIGINAL", "PRIMARY", "P"]}
    assert tags_of_series([{}, coronal, phase, GOOD, {**GOOD, "EchoTime": 9}, phase]) == GOOD
    assert confirm_flair(tags_of_series([phase, phase])) == "phase images, not magnitude"
    assert tags_of_series([]) == {}


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
