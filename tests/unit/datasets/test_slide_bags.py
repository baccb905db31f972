"""Bags of patients: random parts in raster order in training, everything elsewhere, and nobody without a slide."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.datasets.slide_bags import TILES_AT_ONCE, SlideBags, evenly_spaced, pitch_of, places_in_pitches
from mgi.shards.bags import Bag, OpenBags, bag_writer, describe_files, open_bags

WIDTH, SIDE = 4, 300


def bag(patient: str, slide: str, n_tiles: int, shift: int = 0) -> Bag:
    rng = np.random.default_rng([*f"{patient}{slide}".encode()])
    rows, columns = np.divmod(np.arange(n_tiles), 5)
    return Bag(
        patient_id=patient,
        slide_id=slide,
        corners=np.stack([columns * SIDE + shift, rows * SIDE + 2 * shift], 1).astype(np.int64),
        embeddings=rng.normal(3, 2, (n_tiles, WIDTH)).astype(np.float16),
    )


BAGS = [bag("P1", "a", 23, 600), bag("P2", "a", 4), bag("P2", "b", 6), bag("P4", "a", 9)]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> OpenBags:
    folder = tmp_path_factory.mktemp("shard")
    tiles, slides, dataset = (folder / name for name in ("tiles.parquet", "slides.parquet", "dataset.json"))
    with bag_writer(tiles, WIDTH) as writer:
        for one in BAGS:
            writer.add(one)
    rows = [{"patient_id": one.patient_id, "slide_id": one.slide_id, "tiles": len(one.corners)} for one in BAGS]
    stated = {"encoder": "handmade", "width": WIDTH, "tile_px": 256, "mpp": 0.5, "simulated": True}
    describe_files({tiles: writer.sha256()}, slides, dataset, [{**row, "bad_tiles": 0} for row in rows], **stated)
    return open_bags(dataset)


def test_whole_bags_are_those_of_the_shard(shard: OpenBags, tmp_path: Path) -> None:
    bags = SlideBags.of(shard, ["P4", "P1"], tmp_path)
    found = bags.whole(torch.tensor([1, 0]))
    assert found.real.sum(1).tolist() == [23, 9]
    assert found.tiles.dtype == torch.float16
    assert np.array_equal(found.tiles[0].numpy(), BAGS[0].embeddings)
    assert np.array_equal(found.tiles[1, :9].numpy(), BAGS[3].embeddings)
    assert torch.equal(found.places[0, 7], torch.tensor([2.0, 1.0]))  # the third of the second row, wherever it began
    assert (found.tiles[1, 9:] == 0).all()


def test_slides_of_one_patient_lie_apart(shard: OpenBags, tmp_path: Path) -> None:
    found = SlideBags.of(shard, ["P2"], tmp_path).whole(torch.tensor([0]))
    assert np.array_equal(found.tiles[0].numpy(), np.concatenate([BAGS[1].embeddings, BAGS[2].embeddings]))
    assert len({tuple(place) for place in found.places[0].tolist()}) == 10
    assert found.places[0, 4].tolist() == [0.0, 2.0]


def test_a_training_step_sees_another_part_in_raster_order(shard: OpenBags, tmp_path: Path) -> None:
    bags, rng = SlideBags.of(shard, ["P1", "P4"], tmp_path), np.random.default_rng(0)
    whole = bags.whole(torch.tensor([0])).tiles[0].tolist()
    seen = set()
    for _ in range(20):
        found = bags.drawn(torch.tensor([0, 1]), 8, rng)
        assert found.real.sum(1).tolist() == [8, 8]
        rows = [whole.index(tile) for tile in found.tiles[0].tolist()]
        assert rows == sorted(set(rows))
        seen |= set(rows)
    assert seen == set(range(23))


def test_a_bag_with_fewer_tiles_is_seen_whole(shard: OpenBags, tmp_path: Path) -> None:
    bags = SlideBags.of(shard, ["P4"], tmp_path)
    drawn, whole = bags.drawn(torch.tensor([0]), 9, np.random.default_rng(0)), bags.whole(torch.tensor([0]))
    assert torch.equal(drawn.tiles, whole.tiles)


def test_whoever_has_no_slide_is_missing_and_never_zeros(shard: OpenBags, tmp_path: Path) -> None:
    bags = SlideBags.of(shard, ["P1", "P3", "P4"], tmp_path)
    assert bags.has_slide.tolist() == [True, False, True]
    with pytest.raises(ValueError, match="P3 has no slide"):
        bags.whole(torch.tensor([0, 1]))
    assert bags.whole(torch.tensor([2])).real.sum() == 9


def test_numbers_are_fitted_on_the_given_patients_alone(shard: OpenBags, tmp_path: Path) -> None:
    mean, sd = SlideBags.of(shard, ["P1", "P2"], tmp_path).moments()
    tiles = np.concatenate([one.embeddings for one in BAGS[:3]]).astype(np.float64)
    assert np.allclose(mean, tiles.mean(0), atol=1e-5)
    assert np.allclose(sd, tiles.std(0), atol=1e-5)
    with pytest.raises(ValueError, match="no tile"):
        SlideBags.of(shard, ["P3"], tmp_path).moments()


def test_other_tiles_or_patients_are_other_data(shard: OpenBags, tmp_path: Path) -> None:
    def digest(patients: list[str]) -> bytes:
        return b"".join(SlideBags.of(shard, patients, tmp_path).identity())

    assert digest(["P1", "P2"]) == digest(["P1", "P2"])
    assert len({digest(one) for one in (["P1", "P2"], ["P2", "P1"], ["P1"], ["P1", "P2", "P3"])}) == 4


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100])
def test_at_most_so_many_are_evenly_spaced(count: int) -> None:
    found = evenly_spaced(count, 8)
    assert len(found) == len(set(found.tolist())) == min(count, 8)
    assert found[0] == 0
    assert found[-1] < count
    assert np.ptp(np.diff(found)) <= 1 if len(found) > 1 else True


def test_the_pitch_is_that_of_neighbours_whatever_grids_there_are() -> None:
    one, other = (
        BAGS[0].corners,
        BAGS[3].corners + np.array([17, 5023]),
    )  # another piece of tissue on its own grid
    assert pitch_of(np.concatenate([one, other])) == SIDE
    assert pitch_of(one[:1]) == 1.0
    assert pitch_of(one[[0, 5, 10]]) == SIDE  # one column
    moved = Bag(patient_id="P", slide_id="s", corners=one + 7_000, embeddings=BAGS[0].embeddings)
    assert np.array_equal(places_in_pitches(moved), places_in_pitches(BAGS[0]))


def test_handed_on_each_patient_has_the_bag_of_another(shard: OpenBags, tmp_path: Path) -> None:
    bags = SlideBags.of(shard, ["P1", "P2", "P4"], tmp_path)
    others = bags.handed_on(torch.tensor([2, 0, 1]))
    given, own = (one.whole(torch.arange(3)) for one in (others, bags))
    for place, donor in enumerate((2, 0, 1)):
        count = int(own.real[donor].sum())
        assert torch.equal(given.tiles[place, :count], own.tiles[donor, :count])
        assert torch.equal(given.real[place], own.real[donor])
    assert list(others.identity()) != list(bags.identity())


def test_one_slide_alone_is_read_as_from_a_shard(shard: OpenBags, tmp_path: Path) -> None:
    alone, stored = SlideBags.of_one(BAGS[0], tmp_path), SlideBags.of(shard, ["P1"], tmp_path)
    for one, other in zip(alone.whole(torch.tensor([0])), stored.whole(torch.tensor([0])), strict=True):
        assert torch.equal(one, other)


def test_so_many_slides_are_read_together_as_the_largest_allows(shard: OpenBags, tmp_path: Path) -> None:
    assert SlideBags.of(shard, ["P1", "P2", "P4"], tmp_path).at_once() == TILES_AT_ONCE // 23
    assert SlideBags.of(shard, ["P4"], tmp_path).at_once() == TILES_AT_ONCE // 9
    assert SlideBags.of(shard, [], tmp_path).at_once() == TILES_AT_ONCE


def test_slides_that_are_left_out_have_no_tile(shard: OpenBags, tmp_path: Path) -> None:
    whole = SlideBags.of(shard, ["P1", "P4"], tmp_path).whole(torch.arange(2))
    assert whole.without(torch.tensor([True, False])).real.sum(1).tolist() == [0, 9]
