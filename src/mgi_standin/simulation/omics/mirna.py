"""MicroRNA reads of a simulated tumour, and the BCGSC quantification file of them, byte for byte.

Format: GDC documentation, "miRNA Analysis Pipeline".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.omics.loadings import Loadings, draw_loadings, each_factor
from mgi_standin.simulation.omics.tumour import Tumour

N_MIRNAS = 600  # of 1,881 in miRBase 21
COLUMNS = ("miRNA_ID", "read_count", "reads_per_million_miRNA_mapped", "cross-mapped")
FACTOR_SHARE, FACTOR_SHIFT = 0.08, 0.25
SUBTYPE_SHARE, SUBTYPE_SHIFT = 0.05, 0.9
NOISE, DISPERSION, READS, DEPTH_SPREAD = 0.5, 0.05, 3e6, 0.3
SILENT_SHARE = 0.4  # of the microRNAs: next to no reads
CROSS_MAPPED_SHARE = 0.04


@dataclass(frozen=True, kw_only=True)
class MirnaModel:
    """MicroRNAs in the order of every file, baseline log expression (F,), loadings, and which are cross-mapped."""

    names: list[str]
    baseline: NDArray[np.float64]
    loadings: Loadings
    cross_mapped: NDArray[np.bool_]


def mirna_model(rng: np.random.Generator) -> MirnaModel:
    """Numbers of the names lie beyond those of miRBase; about 0.4 of the microRNAs have next to no reads."""
    numbers = np.sort(rng.choice(9_000, N_MIRNAS, replace=False)) + 90_000
    silent = rng.random(N_MIRNAS) < SILENT_SHARE
    baseline = np.where(silent, rng.normal(-9.0, 1.5, N_MIRNAS), rng.normal(0.0, 2.0, N_MIRNAS))
    shares = {**each_factor(FACTOR_SHARE), "IDHmut-codel": SUBTYPE_SHARE, "IDHmut-non-codel": SUBTYPE_SHARE,
              "IDHwt": SUBTYPE_SHARE}  # fmt: skip
    sizes = {**dict.fromkeys(shares, SUBTYPE_SHIFT), **each_factor(FACTOR_SHIFT)}
    return MirnaModel(
        names=[f"hsa-mir-{number}" for number in numbers],
        baseline=baseline,
        loadings=draw_loadings(N_MIRNAS, shares, sizes, rng),
        cross_mapped=rng.random(N_MIRNAS) < CROSS_MAPPED_SHARE,
    )


def draw_reads(
    tumour: Tumour, model: MirnaModel, rng: np.random.Generator, measured: np.random.Generator
) -> NDArray[np.int64]:
    """Over-dispersed read counts (F,) at a depth drawn for the aliquot, whose stream is `measured`."""
    n_mirnas = len(model.names)
    logs = model.baseline + model.loadings.mean_of(tumour.feature_factors, n_mirnas) + rng.normal(0, NOISE, n_mirnas)
    share = np.exp(logs) / np.exp(logs).sum()
    mean = READS * np.exp(measured.normal(0, DEPTH_SPREAD)) * share
    return np.asarray(measured.poisson(mean * measured.gamma(1 / DISPERSION, DISPERSION, n_mirnas)))


def encode_reads(reads: NDArray[np.int64], model: MirnaModel) -> bytes:
    """The whole file with its header line; the third column is reads times 1e6 over all reads of the file."""
    per_million = reads * 1e6 / reads.sum()
    columns = (model.names, reads.tolist(), per_million.tolist(), model.cross_mapped.tolist())
    rows = (
        f"{name}\t{count}\t{rate:.6f}\t{'Y' if cross_mapped else 'N'}\n"
        for name, count, rate, cross_mapped in zip(*columns, strict=True)
    )
    return ("\t".join(COLUMNS) + "\n" + "".join(rows)).encode()
