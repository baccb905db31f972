from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from mgi.cohort.near_duplicates import SAME_SLICE, same_vector, slice_signatures, unit_rows, vector_signature
from mgi.cohort.near_pairs import NearPair, StoredSignatures, near_pairs, only

RNG = np.random.default_rng(0)


def head(seed: int, n_slices: int = 12, side: int = 96) -> np.ndarray:
    """A smooth volume of blobs in an ellipse, different in every seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5
    volume = []
    blobs = [(*rng.normal(0, 0.15, 2), rng.uniform(0.03, 0.12), rng.uniform(100, 500), *rng.normal(0, 0.01, 2))
             for _ in range(25)]  # fmt: skip
    for k in range(n_slices):
        shape = ((x / 0.32) ** 2 + (y / 0.42) ** 2 < 1) * 300.0
        for cy, cx, width, grey, dy, dx in blobs:
            shape += grey * np.exp(-((y - cy - k * dy) ** 2 + (x - cx - k * dx) ** 2) / (2 * width**2))
        volume.append(shape * ((x / 0.35) ** 2 + (y / 0.45) ** 2 < 1))
    return np.round(volume).astype(np.int16)


def one_voxel_changed(volume: np.ndarray) -> np.ndarray:
    changed = volume.copy()
    for one in changed:
        one[RNG.integers(one.shape[0]), RNG.integers(one.shape[1])] = 32_000
    return changed


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "one voxel of every slice": one_voxel_changed,
    "flipped left to right": lambda volume: volume[:, :, ::-1],
    "flipped front to back": lambda volume: volume[:, ::-1],
    "slices in reverse": lambda volume: volume[::-1],
    "turned by 90 degrees": lambda volume: np.rot90(volume, 1, (1, 2)),
    "mirrored and turned": lambda volume: volume.transpose(0, 2, 1),
    "twice as bright": lambda volume: (2 * volume.astype(np.int32)).astype(np.uint16),
    "shifted and scaled": lambda volume: volume.astype(np.float32) * 0.01 - 3,
    "twice the size": lambda volume: volume.repeat(2, 1).repeat(2, 2),
    "half the size": lambda volume: volume.reshape(len(volume), 48, 2, 48, 2).mean((2, 4)),
    "another type": lambda volume: volume.astype(np.float64),
    "fewer grey levels": lambda volume: (volume / volume.max() * 255).astype(np.uint8),
    "a slice less": lambda volume: volume[1:],
    "a slice more": lambda volume: np.concatenate([volume, RNG.integers(0, 900, (1, 96, 96)).astype(np.int16)]),
    "every second slice": lambda volume: volume[::2],
    "flipped, brighter and larger": lambda volume: 3.0 * volume[:, ::-1].repeat(2, 1).repeat(2, 2),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_that_was_changed_is_a_near_duplicate(name: str) -> None:
    original = slice_signatures(head(1))
    others = {"P2": slice_signatures(COPIES[name](head(1))), "P3": slice_signatures(head(2))}
    (found,) = near_pairs({"P1": original}, others, least=SAME_SLICE)
    assert (found.first, found.second) == ("P1", "P2")
    assert found.twins >= 0.9 * found.rows


def test_different_heads_are_no_near_duplicates() -> None:
    heads = {f"P{seed}": slice_signatures(head(seed)) for seed in range(20)}
    assert near_pairs(heads, heads, least=SAME_SLICE) == []


def test_every_pair_is_named_once_and_in_order() -> None:
    same = slice_signatures(head(1))
    heads = {"P3": same, "P1": same, "P2": slice_signatures(head(2)), "P0": same[:5]}
    found = near_pairs(heads, heads, least=SAME_SLICE)
    assert found == [NearPair("P0", "P1", 5, 5), NearPair("P0", "P3", 5, 5), NearPair("P1", "P3", 12, 12)]
    assert found[0].says("flair slice") == "P0 and P1 have nearly the same flair slice (5 of 5 slices)"


def test_a_few_slices_in_common_are_no_near_duplicate() -> None:
    first, second = head(1), head(2)
    second[:2] = first[:2]
    volumes = {"P1": slice_signatures(first), "P2": slice_signatures(second)}
    assert near_pairs(volumes, volumes, least=SAME_SLICE) == []


def test_slices_without_content_are_left_out() -> None:
    volume = head(1)
    volume[0] = 7
    volume[1] = 0
    volume[1, 3, 3] = 900
    assert len(slice_signatures(volume)) == len(volume) - 2
    assert near_pairs({"P1": slice_signatures(volume[:1])}, {"P2": slice_signatures(volume[:1])}, least=0.9) == []


@pytest.mark.parametrize("n_values", [750, 1544, 20_000])
def test_vectors_with_a_value_changed_or_scaled_are_near_duplicates_and_others_are_not(n_values: int) -> None:
    level = RNG.gamma(0.5, 20, n_values)
    values = np.log2(level * RNG.lognormal(0, 0.6, (6, n_values)) + 1)
    changed, scaled = values[0].copy(), values[1] * 3 + 1
    changed[int(changed.argmin())] = 600
    patients = [*values, changed, scaled]
    vectors = {f"P{row}": vector_signature(own) for row, own in enumerate(patients)}
    found = near_pairs(vectors, vectors, least=same_vector(n_values))
    assert [(one.first, one.second) for one in found] == [("P0", "P6"), ("P1", "P7")]
    assert found[0].says("rna vector") == "P0 and P6 have nearly the same rna vector"


def test_sparse_vectors_with_other_entries_and_short_ones_are_no_near_duplicates() -> None:
    sparse = np.zeros((5, 1000))
    for row, own in enumerate(sparse):
        own[row * 7 : row * 7 + 7] = 1
    vectors = {f"P{row}": vector_signature(own) for row, own in enumerate(sparse)}
    assert near_pairs(vectors, vectors, least=same_vector(1000)) == []
    assert len(vector_signature(np.zeros(1000))) == len(vector_signature(np.arange(99.0))) == 0


@pytest.mark.parametrize("width", [12, 384])
def test_the_pairs_are_those_of_all_products(width: int) -> None:
    rng = np.random.default_rng(width)
    centres = rng.normal(size=(8, width)) + 1
    spreads = (
        rng.choice([0.01, 0.02, 0.03, 0.05], size=(40, 1, 1)) * np.linalg.norm(centres, axis=1).mean() / width**0.5
    )
    rows = [
        unit_rows(centres[rng.integers(8, size=rng.integers(1, 9))] + spread * rng.normal(size=(1, width)))
        for spread in spreads
    ]
    patients = {f"P{place:02d}": own for place, own in enumerate(rows)}
    expected = []
    for one, other in combinations(patients, 2):
        alike = patients[one] @ patients[other].T >= SAME_SLICE
        fewer = min(alike.shape)
        of_both = [int(alike.any(axis=1 - side).sum()) for side, length in enumerate(alike.shape) if length == fewer]
        twins = max(of_both)
        if twins >= max(3, fewer / 2):
            expected.append(NearPair(one, other, twins, fewer))
    assert 10 < len(expected) < 600
    assert near_pairs(patients, patients, least=SAME_SLICE) == expected
    half = {one: own for one, own in patients.items() if one < "P20"}
    rest = {one: own for one, own in patients.items() if one >= "P20"}
    across = [pair for pair in expected if pair.first in half and pair.second in rest]
    assert near_pairs(half, rest, least=SAME_SLICE) == across


def test_signatures_on_disk_compared_in_small_groups_give_the_same_pairs(tmp_path, monkeypatch) -> None:
    same = slice_signatures(head(1))
    heads = {"P3": same, "P1": same, "P2": slice_signatures(head(2)), "P0": same[:5], "P4": same[:0]}
    stored = StoredSignatures(tmp_path)
    stored.add("P5", slice_signatures(np.zeros((2, 9, 9))))
    for patient, rows in heads.items():
        stored.add(patient, rows)
    expected = near_pairs(heads, heads, least=SAME_SLICE)
    monkeypatch.setattr("mgi.cohort.near_pairs._ROWS_AT_ONCE", 1)
    assert near_pairs(stored, stored, least=SAME_SLICE) == expected
    assert near_pairs(only(stored, {"P0", "P1", "P2"}), stored, least=SAME_SLICE) == near_pairs(
        only(heads, {"P0", "P1", "P2"}), heads, least=SAME_SLICE
    )
