"""What `mgi predict` would do to real patients: how many it would refuse, and what keeping one component would cost.

REQUIRED INPUTS: --archive, the Kaggle zip of whole heads with their reference masks; --image, further images.
OUTPUTS: three tables on stdout.

1. Patients of the archive are dealt at random to a training set and the rest, many times. The rest are patients like
   those of training: how many lie beyond the limit of intensities, and beyond multiples of it?
2. How many times the limit of all patients of the archive do the further images lie at?
3. Of each reference mask the largest component is kept: the Dice of an otherwise perfect mask.

    PYTHONPATH=src python benchmarks/new_patients.py --archive data/lgg-mri-segmentation.zip --image stripped.nii.gz
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.flair.buda import decoded, opened_buda
from mgi.release.mask_summary import bodies_of
from mgi.release.new_image import read_new_image
from mgi.release.training_range import FAR, distance, farthest_of, intensity_quantiles

TRAINED_ON = (4, 8, 16, 32, 56)
TIMES = (1.0, 1.5, FAR, 3.0)
Floats = NDArray[np.float64]


def times_the_limit(quantiles: Floats, n_trained: int, draws: int) -> Floats:
    """Distances of patients (P, 50) left over by random training sets, in limits of these: (draws, P - n_trained)."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        order = rng.permutation(len(quantiles))
        trained, rest = quantiles[order[:n_trained]], quantiles[order[n_trained:]]
        found.append(np.abs(rest - trained.mean(axis=0)).mean(axis=1) / farthest_of(trained))
    return np.stack(found)


def dice_of_largest(sizes: NDArray[np.int64]) -> float:
    """Dice of a mask with components of these sizes, the largest first, and its largest alone."""
    return float(2 * sizes[0] / (sizes[0] + sizes.sum()))


def read_archive(path: Path) -> tuple[Floats, dict[str, NDArray[np.int64]]]:
    """Intensity quantiles (P, 50), and the sizes of the components of each reference mask."""
    quantiles, sizes = [], {}
    with opened_buda(path) as archive:
        for folder in sorted(archive.folders):
            slices, masks = decoded(archive.read_files(folder)[0])
            quantiles.append(intensity_quantiles(slices))
            sizes[folder] = bodies_of(masks)
    return np.stack(quantiles), {folder: own for folder, own in sizes.items() if len(own)}


def main() -> None:
    """Measure one archive."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--archive", required=True, type=Path)
    options.add_argument("--image", type=Path, nargs="*", default=[], help="any that `mgi predict` reads")
    options.add_argument("--draws", type=int, default=2000)
    args = options.parse_args()
    quantiles, sizes = read_archive(args.archive)
    print(f"{len(quantiles)} patients, {args.draws} draws\ntrained on   beyond" + "".join(f"{x:>9}x" for x in TIMES))
    for n_trained in TRAINED_ON:
        found = times_the_limit(quantiles, n_trained, args.draws)
        print(f"{n_trained:10}         " + "".join(f"{(found > times).mean():10.3%}" for times in TIMES))
    mean, limit = quantiles.mean(axis=0), farthest_of(quantiles)
    for image in args.image:
        times = distance(intensity_quantiles(read_new_image(image).images.slices), mean.tolist()) / limit
        print(f"{image.name}: {times:.2f} times the limit ({limit:.3f})")
    dice = {folder: dice_of_largest(own) for folder, own in sizes.items()}
    several = [folder for folder, own in sizes.items() if len(own) > 1]
    worst = min(dice, key=lambda folder: dice[folder])
    print(f"reference masks: {len(dice)}, of more than one component: {len(several)}\nDice lost by the largest alone: "
          f"mean {1 - np.mean(list(dice.values())):.4f}, of those of several "
          f"{1 - np.mean([dice[folder] for folder in several]):.4f}, worst {1 - dice[worst]:.4f} ({worst}, "
          f"{len(sizes[worst])} components)")  # fmt: skip


if __name__ == "__main__":
    main()
