"""Latent factors of gene expression: which genes move together, and what each factor does to the lesion.

A factor is a set of at least 100 genes with small loadings, so that the set tells what no single gene does.
`side` decides which of two look-alike lesions is the tumour: the one thing that the image does not show.
With split evidence no factor goes with the subtype, and codeleted tumours alone have genes of their own: genes then
tell codeletion and nothing else of the subtype.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FACTORS = ("side", "size", "margin", "contrast")
FEWEST_GENES = 100
# Share of all genes in each factor. `side` is the widest because its genes are the weakest (see LOADING).
SHARE = {"side": 0.40, "size": 0.075, "margin": 0.075, "contrast": 0.075}
# Shift of the natural logarithm of expression per unit of factor. With a biological spread of NOISE and the
# counts' own, one `side` gene separates left from right with an AUC near .6; hundreds together nearly always.
LOADING = {"side": 0.125, "size": 0.22, "margin": 0.22, "contrast": 0.22}
NOISE = 0.5
SUBTYPES = ("IDHmut-codel", "IDHmut-non-codel", "IDHwt")
MUTANTS, CODELETED = SUBTYPES[:2], SUBTYPES[:1]
SUBTYPE_SHARE = (0.32, 0.48, 0.20)
# Mean of each continuous factor in each subtype: codeleted tumours have blurred margins, wild types enhance.
SUBTYPE_MEAN = {
    "IDHmut-codel": {"size": 0.0, "margin": 0.8, "contrast": -0.3},
    "IDHmut-non-codel": {"size": 0.2, "margin": -0.6, "contrast": 0.0},
    "IDHwt": {"size": -0.4, "margin": 0.2, "contrast": 0.7},
}
SUBTYPE_LOADING = (
    0.6  # genes of a subtype's own, where the cohort has them: few tell it as surely as IDH status is told
)
SITE_SHARE = 0.1
SITE_SHIFT = 0.15


@dataclass(frozen=True, kw_only=True)
class GeneModel:
    """Baseline log expression (G,), loadings (factor -> (G,)) and site shifts (site -> (G,)).

    A subtype with genes of its own has its loadings under its own name.
    """

    baseline: NDArray[np.float64]
    loadings: dict[str, NDArray[np.float64]]
    site_shifts: dict[str, NDArray[np.float64]]


def draw_gene_model(
    n_genes: int,
    sites: list[str],
    rng: np.random.Generator,
    subtype_genes: int = 0,
    subtypes: Sequence[str] = SUBTYPES,
) -> GeneModel:
    """Draw which genes belong to which factor; sets are disjoint and taken from the expressed genes.

    The `subtypes` share out `subtype_genes` among themselves. Raises ValueError where the genes are too few to hold
    them all.
    """
    sizes = {name: max(FEWEST_GENES, round(SHARE[name] * n_genes)) for name in FACTORS}
    baseline = rng.normal(2.0, 1.8, n_genes)
    expressed = np.argsort(-baseline)[: int(0.8 * n_genes)]
    if sum(sizes.values()) + subtype_genes > len(expressed):
        more = f" and {subtype_genes} subtype_genes" if subtype_genes else "; use at least 750"
        raise ValueError(f"{n_genes} genes cannot hold factors of {sum(sizes.values())} genes{more}")
    order = rng.permutation(expressed)
    loadings, start = {}, 0
    for name in FACTORS:
        members = order[start : start + sizes[name]]
        start += sizes[name]
        loadings[name] = _loadings(members, LOADING[name], n_genes, rng)
    shifts = {site: rng.normal(0, SITE_SHIFT, n_genes) * (rng.random(n_genes) < SITE_SHARE) for site in sorted(sites)}
    # Drawn last, so that a cohort without genes of subtypes is what it was before there were any.
    if subtype_genes:
        shares = np.array_split(order[start : start + subtype_genes], len(subtypes))
        for name, members in zip(subtypes, shares, strict=True):
            loadings[name] = _loadings(members, SUBTYPE_LOADING, n_genes, rng)
    return GeneModel(baseline=baseline, loadings=loadings, site_shifts=shifts)


def _loadings(members: NDArray[np.int64], size: float, n_genes: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Loadings (G,) of about `size`, of either sign, at the members; 0 elsewhere."""
    loadings = np.zeros(n_genes)
    loadings[members] = size * rng.choice((-1.0, 1.0), len(members)) * rng.uniform(0.8, 1.2, len(members))
    return loadings


def draw_factors(subtype: str, rng: np.random.Generator, *, split_evidence: bool = False) -> dict[str, float]:
    """One patient's factors: `side` near -1 (right) or +1 (left), the others about standard normal.

    With split evidence the subtype moves none of them.
    """
    values = {"side": float(rng.choice((-1.0, 1.0)) * rng.uniform(0.8, 1.2))}
    for name, mean in SUBTYPE_MEAN[subtype].items():
        values[name] = float((0.0 if split_evidence else mean) + rng.normal(0, 0.8))
    return values


def with_subtype(model: GeneModel, factors: dict[str, float], subtype: str) -> dict[str, float]:
    """The factors that genes follow: the patient's own, and the subtype where it has genes of its own."""
    return factors | {subtype: 1.0} if subtype in model.loadings else factors


def express(model: GeneModel, factors: dict[str, float], site: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Natural logarithm of relative expression (G,) of one tumour sample."""
    mean = model.baseline + model.site_shifts[site]
    for name, value in factors.items():
        mean = mean + value * model.loadings[name]
    return np.asarray(mean + rng.normal(0, NOISE, len(mean)))


def as_gmt(model: GeneModel, gene_ids: list[str]) -> str:
    """The genes of each factor, with loadings of either sign, as a .gmt file of gene sets."""
    lines = []
    for name, loadings in model.loadings.items():
        members = [gene_ids[index] for index in np.flatnonzero(loadings)]
        lines.append("\t".join([name, f"simulated latent factor {name}", *members]))
    return "\n".join(lines) + "\n"
