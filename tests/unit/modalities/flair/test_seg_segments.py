from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from mgi.core.errors import BadInputError
from mgi.modalities.flair.seg_segments import Segment, choose_tumour, is_tumour, read_segments, says_tumour

ALTERED, ANATOMICAL = ("49755003", "Morphologically Altered Structure"), ("123037004", "Anatomical Structure")
TISSUE = ("85756007", "Tissue")


def segment(label: str = "", number: int = 1, **options: Any) -> Segment:
    return Segment(number=number, label=label, **{"category": ("", ""), "kind": ("", ""), "by_hand": False, **options})


@pytest.mark.parametrize(
    "label",
    [
        "Tumor", "tumour", "TUMOR", "whole_tumor", "TumorCore", "WT", "NCR/NET", "ET", "Peritumoral Edema", "oedema",
        "Non-Enhancing_Tumor", "non_enhancing", "Enhancing", "Necrotic core", "necrosis", "Glioma", "oligodendroglioma",
        "Glioblastoma (GBM)", "lesion_1", "Tumor without oedema", "Mass", "GTV", "tumour with haemorrhage",
        "surrounding non-enhancing FLAIR hyperintensity",
    ],
)  # fmt: skip
def test_a_label_says_tumour_in_any_spelling(label: str) -> None:
    expected = label != "Tumor without oedema"  # what is denied is not guessed at
    assert says_tumour(label) == expected
    assert is_tumour(segment(label, category=ANATOMICAL)) == expected


@pytest.mark.parametrize(
    "label",
    [
        "Brain", "brain_mask", "Cerebrum", "LateralVentricle", "White Matter", "Skull", "Segment_1", "", "Background",
        "brain without tumor", "Non-tumor", "no_tumour", "healthy tissue", "Normal brain", "Resection Cavity",
        "tumor bed", "White matter lesions", "Stroke", "met_al", "edge",
    ],
)  # fmt: skip
def test_a_label_of_anything_else_does_not(label: str) -> None:
    assert not says_tumour(label)
    assert not is_tumour(segment(label, category=ANATOMICAL))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"kind": ("108369006", "Neoplasm")}, True),
        ({"kind": ("108369006", "Neubildung")}, True),  # the code alone
        ({"kind": ("M-54000", "")}, True),
        ({"kind": ("", "NEOPLASM, PRIMARY")}, True),
        ({"kind": ("79654002", "Edema"), "category": ALTERED}, True),
        ({"category": ALTERED}, True),
        ({"description": "Contrast-enhancing glioma"}, True),
        ({"category": ALTERED, "description": "Ventricles"}, False),
        ({"category": ("", "morphologically abnormal structure")}, True),
        ({"category": ALTERED, "kind": ("12738006", "Brain")}, False),
        ({"category": ALTERED, "kind": ("55641003", "Infarct")}, False),
        ({"category": ANATOMICAL, "kind": ("12738006", "Brain")}, False),
        ({"category": TISSUE, "kind": TISSUE}, False),
        ({}, False),
    ],
)
def test_codes_and_meanings_say_it_where_the_label_does_not(said: dict[str, Any], expected: bool) -> None:
    assert is_tumour(segment("Segment_1", **said)) == expected


def test_what_is_no_tumour_is_left_out_and_named() -> None:
    brain = segment("Brain", 2, category=ANATOMICAL, kind=("12738006", "Brain"))
    parts = [segment("necrosis", 1), brain, segment("edema", 3), segment("ET", 4)]
    chosen, notes = choose_tumour(parts, "", "x")
    assert [one.number for one in chosen] == [1, 3, 4]
    assert notes == ("left out segments that are no tumour: Brain (Brain)",)


def test_an_object_without_tumour_is_refused_with_its_labels() -> None:
    parts = [segment("Brain", 1, kind=("12738006", "Brain")), segment("Ventricles", 2)]
    with pytest.raises(
        BadInputError, match=r"x: SegmentSequence: found Brain \(Brain\), Ventricles \(of no .* says tumour"
    ):
        choose_tumour(parts, "Glioma segmentation", "x")
    with pytest.raises(BadInputError, match="x: SegmentSequence: found no segment"):
        choose_tumour([], "Glioma segmentation", "x")


def test_a_sole_segment_without_words_is_what_the_series_is_called() -> None:
    generic = segment("Segment_1", category=TISSUE, kind=TISSUE)
    chosen, notes = choose_tumour([generic], "AXIAL FLAIR Glioma Segmentation", "x")
    assert (chosen, len(notes)) == ([generic], 1)
    for description in ("Segmentation", "Brain segmentation", "not a tumor"):
        with pytest.raises(BadInputError, match="Segment_1"):
            choose_tumour([generic], description, "x")
    with pytest.raises(BadInputError, match="Brain"):
        choose_tumour([segment("Brain")], "Glioma Segmentation", "x")


def test_two_segments_of_one_number_are_refused() -> None:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = 1, "Tumor"
    dataset = Dataset()
    dataset.SegmentSequence = DicomSequence([item, item])
    with pytest.raises(BadInputError, match=r"x: SegmentNumber: \[1, 1\]"):
        read_segments(dataset, "x")
