import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.colour_channels import others_in
from mgi.shards.grey_scale import CONSTANT, grey_scale

ALL = ("pre", "flair", "post")
COLOURS = np.random.default_rng(0).integers(0, 255, (3, 6, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize(("channels", "places"), [(("pre", "flair"), [0]), (("flair", "post"), [2]), (ALL, [0, 2])])
def test_others_stand_in_the_order_of_the_files_without_flair(channels, places) -> None:
    others, notes = others_in(list(COLOURS), channels, "P")
    assert np.array_equal(others, COLOURS[..., places].transpose(0, 3, 1, 2))
    assert notes == ()


def test_of_flair_alone_there_are_no_others() -> None:
    assert others_in(list(COLOURS), ("flair",), "P") == (None, ())


@pytest.mark.parametrize(("name", "place"), [("pre", 0), ("post", 2)])
def test_a_channel_that_is_flair_in_every_slice_is_0_and_told(name: str, place: int) -> None:
    colours = COLOURS.copy()
    colours[..., place] = colours[..., 1]
    others, notes = others_in(list(colours), ALL, "P")
    lacking, there = (0, 1) if name == "pre" else (1, 0)
    assert not others[:, lacking].any()
    assert grey_scale(others[:, lacking]) == CONSTANT
    assert np.array_equal(others[:, there], colours[..., 2 - place])
    assert notes == (f"channel {name}: is flair in every slice, so the patient lacks it: taken as 0",)


def test_a_channel_that_is_flair_in_all_slices_but_one_is_used() -> None:
    colours = COLOURS.copy()
    colours[1:, ..., 0] = colours[1:, ..., 1]
    others, notes = others_in(list(colours), ALL, "P")
    assert (others[:, 0] == colours[..., 0]).all()
    assert notes == ()


def test_a_channel_without_an_image_is_refused() -> None:
    colours = COLOURS.copy()
    colours[..., 2] = 0
    with pytest.raises(BadInputError, match=r"^P: channel post: every voxel is 0, expected an image"):
        others_in(list(colours), ALL, "P")
    colours[0, 0, 0, 2] = 200
    with pytest.raises(BadInputError, match=r"^P: channel post: voxels: only 1 of 144 "):
        others_in(list(colours), ALL, "P")
