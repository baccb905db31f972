"""What slides, genes and both tell of the subtype in simulated cohorts, beside the most that each could tell.

REQUIRED INPUTS: none. OUTPUTS: a table: five-fold accuracy of the subtype by logistic regression on the mean hand-made
vector of a slide's tiles, on 20 principal components of log expression, and on both; `ceiling` is the accuracy of who
knows all that the input can know. Then the CPU time of drawing and writing the slides.
Usage: PYTHONPATH=src OMP_NUM_THREADS=1 python benchmarks/slide_fusion.py --patients 120
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mgi.modalities.slides.handmade import WIDTH, features_of
from mgi_standin.simulation.cohort import draw_patient, gene_model_of
from mgi_standin.simulation.latent_factors import CODELETED, MUTANTS
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides import SimulatedSlide, slide_of
from mgi_standin.simulation.slides_svs import write_slide

PIXELS, TILE, COMPONENTS = 1024, 128, 20
N = PIXELS // TILE
USUAL = SimulationSettings(
    seed=7, n_patients=120, n_genes=2000, slices_min=1, slices_max=1, pixels=16, genes_drive_images=True,
    subtype_genes=300, slides=True,
)  # fmt: skip
SPLIT = replace(USUAL, split_evidence=True)
COHORTS = {"usual": USUAL, "split evidence": SPLIT, "split evidence, null": replace(SPLIT, genes_drive_images=False)}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Patients by row: the subtype (n,), log expression (n, G), slide vectors (n, WIDTH), and CPU time in seconds."""

    subtypes: NDArray[np.str_]
    genes: NDArray[np.float64]
    slides: NDArray[np.float64]
    seconds: float


def vector_of(slide: SimulatedSlide) -> NDArray[np.float64]:
    """The mean (WIDTH,) of the vectors of the tiles with half tissue."""
    tiles = slide.pixels.reshape(N, TILE, N, TILE, 3).swapaxes(1, 2).reshape(-1, TILE, TILE, 3)
    kept = slide.tissue.reshape(N, TILE, N, TILE).mean((1, 3)).ravel() >= 0.5
    return np.asarray(features_of(tiles[kept]).mean(0, dtype=np.float64))


def drawn(settings: SimulationSettings) -> Drawn:
    """Draw the cohort and write each slide once."""
    model, subtypes, genes, slides, seconds = gene_model_of(settings), [], [], [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for index in range(settings.n_patients):
            patient = draw_patient(index, model, settings)
            start = time.process_time()
            slide = slide_of(patient, settings, pixels=PIXELS)
            write_slide(Path(scratch) / "a.svs", slide)
            seconds += time.process_time() - start
            subtypes.append(patient.subtype)
            genes.append(patient.log_expression)
            slides.append(vector_of(slide))
    return Drawn(subtypes=np.array(subtypes), genes=np.array(genes), slides=np.array(slides), seconds=seconds)


def ceiling(subtypes: Sequence[str], known: Sequence[Hashable]) -> float:
    """The accuracy of who knows `known` of each patient alone, and names the group's most frequent subtype."""
    groups: dict[Hashable, Counter[str]] = {}
    for subtype, group in zip(subtypes, known, strict=True):
        groups.setdefault(group, Counter())[subtype] += 1
    return sum(max(counts.values()) for counts in groups.values()) / len(subtypes)


def ceilings(settings: SimulationSettings, subtypes: Sequence[str]) -> dict[str, float]:
    """By input, from what the simulation lets it follow."""
    by_slide: list[Hashable] = [one in MUTANTS if settings.split_evidence else one for one in subtypes]
    if not settings.genes_drive_images:
        by_slide = [None] * len(subtypes)
    by_genes: list[Hashable] = [one in CODELETED if settings.split_evidence else one for one in subtypes]
    both = [*zip(by_slide, by_genes, strict=True)]
    return {
        name: ceiling(subtypes, known) for name, known in (("slides", by_slide), ("genes", by_genes), ("both", both))
    }


def classifier(columns: dict[str, slice]) -> Pipeline:
    """Logistic regression on components of the genes and on the slides' vectors, each of unit variance."""
    parts = {
        "genes": make_pipeline(StandardScaler(), PCA(COMPONENTS, random_state=0), StandardScaler()),
        "slides": StandardScaler(),
    }
    inputs = make_column_transformer(*((parts[name], place) for name, place in columns.items()))
    return make_pipeline(inputs, LogisticRegression(C=0.1, max_iter=2000))


def accuracies(found: Drawn) -> dict[str, float]:
    """Five-fold accuracy of the subtype by input."""
    table = np.concatenate([found.slides, found.genes], 1)
    places = {"slides": slice(0, WIDTH), "genes": slice(WIDTH, table.shape[1])}
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return {
        name: float(cross_val_score(classifier(columns), table, found.subtypes, cv=folds).mean())
        for name, columns in (*((one, {one: places[one]}) for one in places), ("both", places))
    }


def main() -> None:
    """Draw each cohort and ask."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=USUAL.n_patients)
    options.add_argument("--seed", type=int, default=USUAL.seed)
    args = options.parse_args()
    for name, usual in COHORTS.items():
        settings = replace(usual, n_patients=args.patients, seed=args.seed)
        found = drawn(settings)
        most = ceilings(settings, found.subtypes.tolist())
        said = ", ".join(f"{one} {value:.2f} (ceiling {most[one]:.2f})" for one, value in accuracies(found).items())
        print(f"{name}: {said}; drawing and writing {found.seconds:.0f} s of CPU")


if __name__ == "__main__":
    main()
