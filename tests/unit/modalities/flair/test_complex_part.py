from typing import Any

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.complex_part import GE_BLOCK, GE_PART, complex_part


@pytest.mark.parametrize(
    ("image_type", "component", "part"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND", "NORM"], None, "magnitude"),
        (["ORIGINAL", "PRIMARY", "M_IR", "M", "IR"], None, "magnitude"),
        (["original", "primary", "m"], None, "magnitude"),
        (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "IR"], None, "phase"),
        (["ORIGINAL", "PRIMARY", "FLUID_ATTENUATED", "P"], None, "phase"),
        (["ORIGINAL", "PRIMARY", "R_IR", "R", "IR"], None, "real"),
        (["ORIGINAL", "PRIMARY", "I"], None, "imaginary"),
        (["ORIGINAL", "PRIMARY", "OTHER"], None, None),
        (["ORIGINAL", "PRIMARY", "MPR", "PROJECTION IMAGE"], None, None),
        (["ORIGINAL", "PRIMARY", "OTHER", "NONE", "P"], None, None),
        ("ORIGINAL", None, None),
        (None, "MAGNITUDE", "magnitude"),
        (None, "Imaginary", "imaginary"),
        (["ORIGINAL", "PRIMARY", "FLUID_ATTENUATED", "NONE"], "PHASE", "phase"),
        (None, "MIXED", None),
        (None, None, None),
        (7, ["REAL", "X"], "real"),
    ],
)
def test_the_part_is_the_one_that_the_file_says(image_type: Any, component: Any, part: str | None) -> None:
    assert complex_part({"ImageType": image_type, "ComplexImageComponent": component}, "x") == part


def test_two_elements_that_contradict_each_other_are_refused() -> None:
    header = {"ImageType": ["ORIGINAL", "PRIMARY", "M"], "ComplexImageComponent": "PHASE"}
    with pytest.raises(BadInputError, match=r"x: ImageType .* say phase and magnitude"):
        complex_part(header, "x")


@pytest.mark.parametrize(("value", "part"), [(0, None), (1, "phase"), (2, "real"), (3, "imaginary"), ([1, 1], None)])
def test_ges_own_element_says_it_in_ges_own_block(value: Any, part: str | None) -> None:
    header = {GE_BLOCK: "GEMS_PARM_01", GE_PART: value}
    assert complex_part(header, "x") == part
    assert complex_part({**header, GE_BLOCK: "SIEMENS"}, "x") is None
