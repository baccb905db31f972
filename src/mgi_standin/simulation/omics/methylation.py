"""Methylation of a simulated tumour, and the level-3 beta values that SeSAMe writes of it, byte for byte.

Beta is the methylated share, 0 to 1, of tumour and normal cells mixed by the sample's purity. Format: GDC
documentation, "Methylation Array Harmonization Workflow": no header, probe TAB beta, `NA` where masked.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.omics.loadings import Loadings, draw_loadings, each_factor
from mgi_standin.simulation.omics.tumour import Tumour

N_PROBES = 3000  # of 486,427 on the real array
N_OTHER, N_SNP = 40, 20  # `ch.` probes outside of CpG sites, `rs` probes at known SNPs
FIRST_PROBE, LAST_PROBE = 30_000_000, 99_999_999  # beyond the numbers of the real array
IDH_SHARE, IDH_SHIFT = 0.12, 2.2  # probes that are hypermethylated where IDH is mutated; logits
SUBTYPE_SHARE, SUBTYPE_SHIFT = 0.03, 1.2
FACTOR_SHARE, FACTOR_SHIFT = 0.05, 0.18
TUMOUR_NOISE, NORMAL_NOISE, BETA_NOISE = 0.45, 0.25, 0.01
LEAST_BETA = 4e-5  # R writes such values with an exponent
# Shares of probes that are masked in every file, in 40 % of the files and now and then.
MASKED_SHARE, OFTEN_SHARE, OFTEN, SELDOM = 0.01, 0.03, 0.4, 0.003
GENOTYPE_BETAS = (0.04, 0.5, 0.96)


@dataclass(frozen=True, kw_only=True)
class MethylationModel:
    """Probes in the order of every file, baseline logits in tumour and normal tissue (F,), loadings, chance of NA."""

    probes: list[str]
    tumour: NDArray[np.float64]
    normal: NDArray[np.float64]
    loadings: Loadings
    masked: NDArray[np.float64]


def methylation_model(rng: np.random.Generator) -> MethylationModel:
    """Two modes, about 0.1 and about 0.9 methylated, and some probes between."""
    n_sites = N_PROBES - N_OTHER - N_SNP
    sites = np.sort(rng.choice(LAST_PROBE - FIRST_PROBE, n_sites, replace=False)) + FIRST_PROBE
    others = np.sort(rng.choice(900_000, N_OTHER, replace=False)) + 100_000
    snps = np.sort(rng.choice(900_000, N_SNP, replace=False)) + 9_900_000_000
    probes = [f"cg{number:08d}" for number in sites]
    probes += sorted(f"ch.{1 + number % 22}.{number}{'FR'[number % 2]}" for number in others.tolist())
    probes += [f"rs{number}" for number in snps]
    hump = rng.choice(3, N_PROBES, p=(0.45, 0.40, 0.15))
    tumour = rng.normal(np.array((-2.2, 2.0, 0.0))[hump], np.array((0.8, 0.7, 1.0))[hump])
    shares = {"IDH": IDH_SHARE, "IDHmut-codel": SUBTYPE_SHARE, "IDHmut-non-codel": SUBTYPE_SHARE,
              "IDHwt": SUBTYPE_SHARE, **each_factor(FACTOR_SHARE)}  # fmt: skip
    sizes = {**dict.fromkeys(shares, SUBTYPE_SHIFT), "IDH": IDH_SHIFT, **each_factor(FACTOR_SHIFT)}
    loadings = draw_loadings(N_PROBES, shares, sizes, rng)
    # Mutant IDH adds methylation: its probes have little without, and never lose any.
    tumour = np.where(loadings.shifts["IDH"] != 0, -np.abs(tumour), tumour)
    loadings.shifts["IDH"] = np.abs(loadings.shifts["IDH"])
    chances = rng.random(N_PROBES)
    masked = np.where(chances < MASKED_SHARE, 1.0, np.where(chances < MASKED_SHARE + OFTEN_SHARE, OFTEN, SELDOM))
    return MethylationModel(
        probes=probes, tumour=tumour, normal=tumour + rng.normal(0, 0.5, N_PROBES), loadings=loadings, masked=masked
    )


def draw_betas(
    tumour: Tumour, model: MethylationModel, rng: np.random.Generator, measured: np.random.Generator
) -> NDArray[np.float64]:
    """Beta of each probe (F,), NaN where masked; `rs` probes depend on the genotype alone.

    `rng` is the tumour's, `measured` the aliquot's.
    """
    feature_factors = tumour.feature_factors | {"IDH": float(tumour.idh)}
    n_probes = len(model.probes)
    logits = model.tumour + model.loadings.mean_of(feature_factors, n_probes) + rng.normal(0, TUMOUR_NOISE, n_probes)
    normal = model.normal + rng.normal(0, NORMAL_NOISE, n_probes)
    betas = tumour.purity * _share(logits) + (1 - tumour.purity) * _share(normal)
    betas[n_probes - N_SNP :] = rng.choice(GENOTYPE_BETAS, N_SNP)
    betas = np.clip(betas + measured.normal(0, BETA_NOISE, n_probes), LEAST_BETA, 1 - LEAST_BETA)
    return np.where(measured.random(n_probes) < model.masked, np.nan, betas)


def _share(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logits)))


def encode_betas(betas: NDArray[np.float64], probes: list[str]) -> bytes:
    """The whole file, with 15 digits as R writes them."""
    rows = (
        f"{probe}\tNA\n" if math.isnan(value) else f"{probe}\t{value:.15g}\n"
        for probe, value in zip(probes, betas.tolist(), strict=True)
    )
    return "".join(rows).encode()
