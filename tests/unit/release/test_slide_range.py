"""What training patients' slides were like, and what a new slide is flagged for."""

from dataclasses import replace

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.release.slide_range import TileSource, distance_of, measure_slides, slide_flags
from mgi.release.training_range import Limits
from mgi.shards.bags import Bag

MOMENTS = np.zeros(2), np.array([1.0, 2.0])
SOURCE = TileSource(encoder="handmade", width=2, tile_px=256, mpp=0.5)


def bag(patient: str, n_tiles: int, mean: tuple[float, float]) -> Bag:
    values = np.tile(np.array(mean, np.float16), (n_tiles, 1))
    return Bag(patient_id=patient, slide_id=patient, corners=np.zeros((n_tiles, 2), np.int64), embeddings=values)


TRAINED = measure_slides([bag("A", 10, (1, 0)), bag("B", 30, (0, 4)), bag("B", 5, (0, 0))], MOMENTS, [0.5, 2], SOURCE)


def test_the_range_is_that_of_patients_in_deviations_of_tiles() -> None:
    assert TRAINED.n_patients == 2
    assert TRAINED.tiles == Limits(low=10, high=35)
    assert TRAINED.farthest == pytest.approx(np.sqrt((0**2 + 2**2) / 2))
    assert TRAINED.expression == Limits(low=0.5, high=2)
    assert distance_of(bag("C", 3, (3, 8)), MOMENTS) == pytest.approx(np.sqrt((3**2 + 4**2) / 2))


@pytest.mark.parametrize(
    ("new", "raised"),
    [
        (bag("C", 20, (1, 2)), {}),
        (bag("C", 20, (2, 4)), {"mean_tile": False}),
        (bag("C", 20, (5, 0)), {"mean_tile": True}),
        (bag("C", 9, (0, 0)), {"tiles": False}),
        (bag("C", 36, (0, 0)), {"tiles": False}),
    ],
)
def test_what_lies_outside_is_flagged_and_far_beyond_twice(new: Bag, raised: dict[str, bool]) -> None:
    assert {flag.flag: flag.far for flag in slide_flags(new, MOMENTS, TRAINED)} == raised


def test_one_patient_has_no_range() -> None:
    with pytest.raises(BadInputError, match="training patients: 1, expected 2 or more"):
        measure_slides([bag("A", 3, (0, 0))], MOMENTS, [], SOURCE)


def test_the_tiles_of_a_shard_are_what_it_states() -> None:
    stated = {"encoder": "timm:vit", "width": 2, "tile_px": 224, "mpp": 0.5, "weights_sha256": "a" * 64, "rows": 9}
    found = TileSource.of(stated, "dataset.json")
    assert found == replace(SOURCE, encoder="timm:vit", tile_px=224, weights_sha256="a" * 64)
    with pytest.raises(BadInputError, match=r"dataset\.json.*tile_px"):
        TileSource.of({**stated, "tile_px": "large"}, "dataset.json")
