"""What hand-made features of simulated slides tell of what the slides were drawn from.

REQUIRED INPUTS: none. OUTPUTS: a table: five-fold accuracy of the subtype, R² of each factor, and AUC of the side of
the focus and of the class that only slide and genes tell together. `mean` is the mean and deviation over a slide's
tiles, `halves` its mean beside the difference of its left and right half.
Usage: PYTHONPATH=src OMP_NUM_THREADS=1 python benchmarks/slide_truth.py --slides 120
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mgi.modalities.slides.handmade import features_of
from mgi_standin.simulation.latent_factors import FACTORS, SUBTYPE_SHARE, SUBTYPES, draw_factors
from mgi_standin.simulation.slides import Histology, SimulatedSlide, draw_slide, front_of

PIXELS, TILE = 1024, 128
N = PIXELS // TILE


def features(slide: SimulatedSlide) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation over the tiles with half tissue, and mean beside left minus right."""
    tiles = slide.pixels.reshape(N, TILE, N, TILE, 3).swapaxes(1, 2).reshape(-1, TILE, TILE, 3)
    kept = slide.tissue.reshape(N, TILE, N, TILE).mean((1, 3)).ravel() >= 0.5
    found = features_of(tiles[kept]).astype(np.float64)
    is_left = np.arange(N * N)[kept] % N < N // 2
    halves = found[is_left].mean(0) - found[~is_left].mean(0)
    return np.concatenate([found.mean(0), found.std(0)]), np.concatenate([found.mean(0), halves])


def classifier() -> Pipeline:
    """Logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))


def auc(inputs: NDArray[np.float64], classes: NDArray[np.bool_]) -> float:
    """Five-fold area under the curve."""
    return float(cross_val_score(classifier(), inputs, classes, cv=5, scoring="roc_auc").mean())


def main() -> None:
    """Draw slides and ask."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slides", type=int, default=120)
    args = options.parse_args()
    means, halves, subtypes, values, sides, fronts = [], [], [], [], [], []
    for seed in range(args.slides):
        rng = np.random.default_rng(seed)
        subtype = str(rng.choice(SUBTYPES, p=SUBTYPE_SHARE))
        factors = draw_factors(subtype, rng)
        histology = Histology(subtype=subtype, factors=factors)
        slide = draw_slide(histology, shape=(PIXELS, PIXELS), mpp=0.5, rng=rng)
        mean, half = features(slide)
        means.append(mean)
        halves.append(half)
        subtypes.append(subtype)
        values.append([factors[name] for name in FACTORS])
        sides.append(slide.side > 0)
        fronts.append(front_of(slide, factors) == "same")
    pooled, divided, true = np.array(means), np.array(halves), np.array(values)
    print(f"subtype, mean: accuracy {cross_val_score(classifier(), pooled, subtypes, cv=5).mean():.2f}")
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 12)))
    for column, name in enumerate(FACTORS):
        print(f"factor {name}, mean: R² {cross_val_score(ridge, pooled, true[:, column], cv=5).mean():.2f}")
    for name, classes in (("side of the focus", np.array(sides)), ("front", np.array(fronts))):
        print(f"{name}: AUC mean {auc(pooled, classes):.2f}, halves {auc(divided, classes):.2f}")


if __name__ == "__main__":
    main()
