import numpy as np
import torch

from mgi.datasets.slices import prepare_slices
from mgi.datasets.volume import Frame, frame_of_head, frame_of_slice, standardise

RNG = np.random.default_rng(0)


def head(rows: slice, columns: slice, shape: tuple[int, int, int] = (4, 120, 100)) -> np.ndarray:
    """A bright block in dark air with noise of a few levels."""
    volume = RNG.integers(0, 5, shape).astype(np.uint8)
    volume[:, rows, columns] = RNG.integers(100, 200, volume[:, rows, columns].shape)
    return volume


def test_the_box_is_that_of_the_head_and_a_margin_by_hand() -> None:
    found = frame_of_head(head(slice(20, 90), slice(30, 75)))
    assert found == Frame(shape=(120, 100), rows=(18, 92), columns=(28, 77))
    assert found.size == (74, 49)


def test_one_box_holds_the_head_on_every_slice() -> None:
    volume = head(slice(40, 60), slice(40, 60))
    volume[2, 10:110, 45:55] = 150  # on one slice alone, longer
    assert frame_of_head(volume).rows == (8, 112)


def test_a_speck_in_the_air_does_not_move_it() -> None:
    volume = head(slice(20, 90), slice(30, 75))
    clean = frame_of_head(volume)
    volume[0, 2, 3] = volume[1, 118, 97] = 255
    assert frame_of_head(volume) == clean


def test_the_margin_ends_at_the_slice_and_a_constant_volume_is_framed_whole() -> None:
    filled = head(slice(0, 120), slice(1, 99))
    assert frame_of_head(filled) == frame_of_slice(filled)
    constant = np.full((2, 8, 6), 7, np.int16)
    assert frame_of_head(constant) == frame_of_slice(constant)


def test_gain_of_the_scanner_moves_nothing() -> None:
    volume = head(slice(20, 90), slice(30, 75))
    assert frame_of_head(volume) == frame_of_head(volume.astype(np.float32) * 50 + 3)


def test_what_was_cut_is_pasted_where_it_was_and_0_elsewhere() -> None:
    pixels = torch.arange(1, 61).view(1, 6, 10)
    frame = Frame(shape=(6, 10), rows=(1, 4), columns=(2, 9))
    assert frame.cut(pixels)[0, 0].tolist() == list(range(13, 20))
    pasted = frame.paste(frame.cut(pixels))
    assert torch.equal(frame.cut(pasted), frame.cut(pixels))
    assert pasted.sum() == frame.cut(pixels).sum()


def test_prepared_slices_hold_the_head_alone_standardised_as_whole_volumes() -> None:
    volume = head(slice(20, 90), slice(30, 75))
    mask = np.zeros(volume.shape, np.uint8)
    mask[:, 40:50, 40:50] = 1
    prepared = prepare_slices([("A", volume, mask), ("B", volume[:2], None)], 32, frame="foreground")
    (frame, _) = prepared.frames
    within = np.ascontiguousarray(standardise(volume)[:, slice(*frame.rows), slice(*frame.columns)])
    again = prepare_slices([("A", volume, mask)], 32)
    assert prepared.images.shape == (6, 1, 32, 32)
    assert abs(prepared.images[:4].mean() - within.mean()) < 0.02
    assert prepared.masks[:4].sum() > 2 * again.masks.sum()  # the tumour is larger on the square
    assert not prepared.masks[4:].any()
    assert again.frames == [frame_of_slice(volume)]
    assert prepared.of(["B"]).frames == [prepared.frames[1]]


def test_context_and_frame_go_together() -> None:
    volume = head(slice(20, 90), slice(30, 75))
    alone, found = (prepare_slices([("A", volume, None)], 16, context, "foreground").images for context in (0, 1))
    assert torch.equal(found[1], alone[:3, 0])
