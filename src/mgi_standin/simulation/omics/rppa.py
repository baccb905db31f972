"""Protein levels of a simulated tumour by reverse phase arrays, and the GDC's file of them, byte for byte.

Format: GDC documentation, "Reverse Phase Protein Array". An older panel has fewer antibodies, and rows for those alone.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.omics.loadings import Loadings, draw_loadings, each_factor
from mgi_standin.simulation.omics.tumour import Tumour

N_ANTIBODIES, N_OLD = 190, 110  # of 487 and about 247
COLUMNS = ("AGID", "lab_id", "catalog_number", "set_id", "peptide_target", "protein_expression")
FACTOR_SHARE, FACTOR_SHIFT = 0.08, 0.22
SUBTYPE_SHARE, SUBTYPE_SHIFT = 0.06, 0.6
NOISE, MEASURED_NOISE = 0.4, 0.1
# Shares of antibodies that fail in 70 % of the files, and now and then.
FAILING_SHARE, FAILING, SELDOM = 0.04, 0.7, 0.02


@dataclass(frozen=True, kw_only=True)
class RppaModel:
    """First five columns of each antibody, which are on the old panel, baseline (F,), loadings, chance of NA."""

    labels: list[str]
    old: NDArray[np.bool_]
    baseline: NDArray[np.float64]
    loadings: Loadings
    failing: NDArray[np.float64]


def rppa_model(rng: np.random.Generator) -> RppaModel:
    """Names of targets say that they are simulated; some have a phosphorylated residue, as real ones do."""
    labels = [
        f"AG{90_000 + number}\t{9000 + 3 * number}\tSIM-{number}\tSet{number % 7:03d}\t{_target(number)}"
        for number in range(N_ANTIBODIES)
    ]
    old = np.zeros(N_ANTIBODIES, dtype=bool)
    old[rng.choice(N_ANTIBODIES, N_OLD, replace=False)] = True
    shares = {**each_factor(FACTOR_SHARE), "IDHmut-codel": SUBTYPE_SHARE, "IDHmut-non-codel": SUBTYPE_SHARE,
              "IDHwt": SUBTYPE_SHARE}  # fmt: skip
    sizes = {**dict.fromkeys(shares, SUBTYPE_SHIFT), **each_factor(FACTOR_SHIFT)}
    return RppaModel(
        labels=labels,
        old=old,
        baseline=rng.normal(0, 0.6, N_ANTIBODIES),
        loadings=draw_loadings(N_ANTIBODIES, shares, sizes, rng),
        failing=np.where(rng.random(N_ANTIBODIES) < FAILING_SHARE, FAILING, SELDOM),
    )


def _target(number: int) -> str:
    return f"SIMPROT{number}_pS{10 + number}" if number % 5 == 0 else f"SIMPROT-{number}"


def draw_levels(
    tumour: Tumour, model: RppaModel, rng: np.random.Generator, measured: np.random.Generator
) -> NDArray[np.float64]:
    """Normalised levels (F,), about 0, NaN where the antibody failed; `measured` is the stream of the portion."""
    count = len(model.labels)
    levels = model.baseline + model.loadings.mean_of(tumour.feature_factors, count) + rng.normal(0, NOISE, count)
    levels += measured.normal(0, MEASURED_NOISE, count)
    return np.where(measured.random(count) < model.failing, np.nan, levels)


def encode_levels(levels: NDArray[np.float64], model: RppaModel, *, old_panel: bool) -> bytes:
    """The whole file with its header line; the old panel has the rows of its antibodies alone."""
    chosen = model.old if old_panel else np.ones(len(model.labels), dtype=bool)
    rows = (
        f"{label}\tNA\n" if math.isnan(value) else f"{label}\t{value:.9g}\n"
        for label, value, is_on in zip(model.labels, levels.tolist(), chosen.tolist(), strict=True)
        if is_on
    )
    return ("\t".join(COLUMNS) + "\n" + "".join(rows)).encode()
