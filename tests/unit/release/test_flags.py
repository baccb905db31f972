import numpy as np
import pytest

from mgi.modalities.rna.new_patient import NewExpression
from mgi.release.flags import gene_flags, mask_facts, mask_flags


def test_a_mask_is_counted_and_its_volume_follows_from_the_voxels_size() -> None:
    mask = np.zeros((3, 8, 8), np.uint8)
    mask[0, :3, :3] = 1
    mask[2, 7, 7] = 1
    facts = mask_facts(mask, np.diag([5.0, 2.0, 1.0, 1.0]))
    assert (facts.voxels, facts.slices, facts.bodies) == (10, 2, 2)
    assert facts.largest_share == 0.9
    assert facts.volume_ml == 0.1  # ten voxels of 10 cubic mm
    assert mask_facts(mask, None).volume_ml is None


def test_an_empty_mask_has_no_largest_body_and_is_flagged(trained) -> None:
    facts = mask_facts(np.zeros((2, 4, 4), np.uint8), None)
    assert (facts.voxels, facts.bodies, facts.largest_share) == (0, 0, None)
    assert [flag.flag for flag in mask_flags(facts, trained)] == ["empty"]


@pytest.mark.parametrize(("second", "flagged"), [(1, []), (3, ["fragmented"])])
def test_only_a_mask_in_more_pieces_than_those_of_training_is_flagged(second: int, flagged: list, trained) -> None:
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, :3, :3] = 1
    mask[0, 7, :second] = 1  # 9 of 10 voxels in one body, or 9 of 12
    assert [flag.flag for flag in mask_flags(mask_facts(mask, None), trained)] == flagged


def expression(*missing: str) -> NewExpression:
    return NewExpression(values=np.ones(3, np.float32), n_genes=3, missing=missing, sample="P")


@pytest.mark.parametrize(
    ("given", "size", "flagged"),
    [
        (expression(), 1.0, []),
        (expression("ENSG1"), 1.0, ["missing_genes"]),
        (expression(), 3.0, ["expression"]),
        (expression("ENSG1"), 0.1, ["missing_genes", "expression"]),
    ],
)
def test_genes_are_flagged_where_some_are_missing_or_their_size_is_new(given, size, flagged, trained) -> None:
    assert [flag.flag for flag in gene_flags(given, np.full(3, size), trained)] == flagged
