import numpy as np
import pytest

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.distractors import draw_distractors
from mgi_standin.simulation.series import AXIAL, Placement, Series, Weighting


@pytest.fixture(scope="module")
def flair() -> Series:
    return Series(
        uid="2.25.1",
        number=6,
        description="AXIAL FLAIR",
        image_type=("ORIGINAL", "PRIMARY", "OTHER"),
        weighting=Weighting(echo_ms=100, repetition_ms=9000, inversion_ms=2250),
        placement=Placement(shape=(7, 20, 20), spacing_mm=(6.0, 8.0, 8.0), axes=AXIAL, centre_mm=np.zeros(3)),
        stored=np.zeros((7, 20, 20), np.uint16),
        slope=1.0,
        run_length_encoded=False,
        slices=tuple(range(7)),
        instance_numbers=tuple(range(1, 8)),
    )


def draw(flair: Series, seed: int, **held) -> tuple[Series, ...]:
    return draw_distractors(flair, Availability(**held), "2.25.9", np.random.default_rng(seed))


def test_every_kind_of_distractor_occurs(flair):
    found = {series.description for seed in range(60) for series in draw(flair, seed)}
    assert found == {"SAG T1 FLAIR", "AX T1 FLAIR", "COR  T1 POST GD FLAIR", "SAG FLAIR", "AX FLAIR MPR"}


def test_only_a_reformatted_series_is_derived(flair):
    for seed in range(60):
        for series in draw(flair, seed):
            assert (series.image_type[0] == "DERIVED") == ("MPR" in series.description)


def test_the_plane_is_the_one_in_the_name(flair):
    planes = {"SAG": [1, 0, 0], "COR": [0, 1, 0], "AX ": [0, 0, 1]}
    for seed in range(30):
        for series in draw(flair, seed):
            normal = series.placement.axes[0]
            assert abs(normal @ planes[series.description[:3]]) == pytest.approx(1.0)


def test_a_t1_grid_for_masks_covers_the_head_that_the_flair_covers(flair):
    placement = draw(flair, 0, mask_on_t1_grid=True)[0].placement
    ours = np.multiply(flair.placement.shape, flair.placement.spacing_mm)
    theirs = np.multiply(placement.shape, placement.spacing_mm)
    assert (theirs >= ours).all()
    assert np.abs(placement.centre_mm).max() <= 2.0
