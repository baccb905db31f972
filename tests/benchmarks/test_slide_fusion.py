"""The ceilings are those of who knows all that an input can know."""

from dataclasses import replace

import pytest

SUBTYPES = ["IDHmut-codel"] * 3 + ["IDHmut-non-codel"] * 5 + ["IDHwt"] * 2


def test_with_split_evidence_only_both_inputs_can_tell_all_subtypes(benchmark) -> None:
    fusion = benchmark("slide_fusion")
    found = fusion.ceilings(fusion.SPLIT, SUBTYPES)
    assert found == pytest.approx({"slides": 0.7, "genes": 0.8, "both": 1.0})
    assert fusion.ceilings(fusion.USUAL, SUBTYPES) == dict.fromkeys(("slides", "genes", "both"), 1.0)


def test_in_the_null_cohort_slides_add_nothing_to_genes(benchmark) -> None:
    fusion = benchmark("slide_fusion")
    found = fusion.ceilings(replace(fusion.SPLIT, genes_drive_images=False), SUBTYPES)
    assert found == pytest.approx({"slides": 0.5, "genes": 0.8, "both": 0.8})
