"""What a file's name says of a slide."""

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.slides.slide_names import DIAGNOSTIC, FROZEN, UNKNOWN, slide_name_of

DX = "TCGA-AN-A0FL-01Z-00-DX1.20A041C6-A306-4599-A7D1-65032A252AA9.svs"


def test_a_diagnostic_slide_of_the_gdc() -> None:
    found = slide_name_of(f"folder/{DX}")
    assert (found.patient_id, found.kind, found.label, found.number) == ("TCGA-AN-A0FL", DIAGNOSTIC, "DX1", 1)
    assert (found.sample, found.sample_code) == ("TCGA-AN-A0FL-01Z", "01")
    assert found.slide_id == DX.removesuffix(".svs")


@pytest.mark.parametrize(
    ("name", "kind", "label"),
    [
        ("TCGA-B6-A0RH-01A-02-TSB.ea83f31e-1111.svs", FROZEN, "TSB"),
        ("TCGA-A8-A06U-01A-01-TS1.63824040.svs", FROZEN, "TS1"),
        ("TCGA-A8-A06U-01A-01-BS12.63824040.svs", FROZEN, "BS12"),
        ("TCGA-VM-A8C8-01Z-00-DX9.x.svs", DIAGNOSTIC, "DX9"),
        ("TCGA-VM-A8C8.svs", UNKNOWN, "TCGA-VM-A8C8"),
        ("P7-DX1.svs", UNKNOWN, "P7-DX1"),
    ],
)
def test_kinds_are_told_by_their_letters(name: str, kind: str, label: str) -> None:
    found = slide_name_of(name)
    assert (found.kind, found.label) == (kind, label)


def test_other_names_are_an_id_with_or_without_more() -> None:
    assert slide_name_of("P7.ndpi").patient_id == "P7"
    assert slide_name_of("P7__block-2.ndpi").patient_id == "P7"
    assert slide_name_of("scan 7.svs", "P9").patient_id == "P9"
    assert slide_name_of(DX, "P9").patient_id == "P9"


@pytest.mark.parametrize("name", ["scan 7.svs", "TCGA-99.svs", ".svs"])
def test_a_name_without_an_id_is_refused(name: str) -> None:
    with pytest.raises(BadInputError):
        slide_name_of(name)
