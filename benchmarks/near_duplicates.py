"""How far different patients of a shard of images are from being near-duplicates, and how near changed copies come.

For several correlations: the largest share of slices that two different patients have in common, and the least share
that a patient has in common with a changed copy. A pair is refused from half on (mgi.cohort.near_duplicates).
Usage: PYTHONPATH=src python benchmarks/near_duplicates.py results/kaggle/shards/flair/dataset.json
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mgi.cohort import near_pairs as pairing
from mgi.cohort.near_duplicates import SAME_SLICE, Signatures, slice_signatures
from mgi.cohort.near_pairs import near_pairs
from mgi.shards.image_shard import iter_images

LEVELS = (0.99, 0.995, 0.997, 0.998, 0.999, 0.9995)
RNG = np.random.default_rng(0)


def one_voxel(volume: np.ndarray) -> np.ndarray:
    """Set one voxel of every slice to twice the largest value."""
    changed = volume.astype(np.float32)
    for own in changed:
        own[RNG.integers(own.shape[0]), RNG.integers(own.shape[1])] = 2 * own.max() + 1
    return changed


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "one voxel a slice": one_voxel,
    "flipped left to right": lambda volume: volume[:, :, ::-1],
    "flipped front to back": lambda volume: volume[:, ::-1],
    "turned by 90 degrees": lambda volume: np.rot90(volume, 1, (1, 2)),
    "twice as bright": lambda volume: 2.0 * volume,
    "twice the size": lambda volume: volume.repeat(2, 1).repeat(2, 2),
    "a slice less": lambda volume: volume[1:],
    "every second slice": lambda volume: volume[::2],
    "brighter by 1.3, cut at the top": lambda volume: np.minimum(1.3 * volume, float(volume.max())),
    "brighter by 2, cut at the top": lambda volume: np.minimum(2.0 * volume, float(volume.max())),
    "moved by 7 and 5 pixels": lambda volume: np.roll(volume, (7, 5), (1, 2)),
    "noise of 2 % of the range": lambda volume: volume + RNG.normal(0, 0.02 * float(volume.max()), volume.shape),
}


def twins_of(own: Signatures, other: Signatures, level: float) -> float:
    """Return the share of the slices of the one with fewer that have a twin in the other."""
    if not len(own) or not len(other):
        return 0.0
    best = (own @ other.T).max(axis=1 if len(own) <= len(other) else 0)
    return float((best >= level).mean())


def screened(own: dict[str, Signatures]) -> float:
    """How many pairs of slices of different patients there are for one that is multiplied."""
    rows, patient = (
        np.concatenate(list(own.values())),
        np.repeat(np.arange(len(own)), [len(one) for one in own.values()]),
    )
    directions = pairing._directions(own, [{one: len(slices) for one, slices in own.items()}])
    screen = pairing._screen(rows, directions)
    passes = screen @ screen.T >= SAME_SLICE - pairing._ROUNDING
    apart = patient[:, None] != patient
    return float(apart.sum() / (passes & apart).sum())


def main() -> None:
    """Measure one shard."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("shard", type=Path)
    options.add_argument("--every", type=int, default=4, help="copies are made of every such patient")
    args = options.parse_args()
    volumes = {one.patient_id: one.slices for one in iter_images(args.shard)}
    start = time.perf_counter()
    own = {patient: slice_signatures(slices) for patient, slices in volumes.items()}
    described = time.perf_counter()
    pairs = near_pairs(own, own, least=SAME_SLICE)
    n_slices = sum(map(len, own.values()))
    print(f"{len(own)} patients, {n_slices} slices with content; described in {described - start:.1f} s, compared in "
          f"{time.perf_counter() - described:.1f} s; refused pairs: {len(pairs)}")  # fmt: skip
    names = list(own)
    print(f"one pair of slices of different patients in {screened(own):,.0f} passes the screen")
    print(f"{'correlation from':34}" + "".join(f"{level:>8}" for level in LEVELS))
    shares = {level: [twins_of(own[one], own[other], level) for at, one in enumerate(names) for other in names[:at]]
              for level in LEVELS}  # fmt: skip
    print(f"{'different patients, largest share':34}" + "".join(f"{max(shares[level]):8.2f}" for level in LEVELS))
    for name, change in COPIES.items():
        copies = {patient: slice_signatures(change(volumes[patient])) for patient in names[:: args.every]}
        least = [min(twins_of(copy, own[patient], level) for patient, copy in copies.items()) for level in LEVELS]
        print(f"{name + ', least share':34}" + "".join(f"{share:8.2f}" for share in least))


if __name__ == "__main__":
    main()
