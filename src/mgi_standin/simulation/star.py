"""Read counts of one sample and the STAR - Counts file that the GDC makes of them, byte for byte.

Formulas: GDC documentation, "mRNA Analysis Pipeline" (TPM, FPKM, FPKM-UQ); C counts, L length in base pairs.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi_standin.simulation.genes import NAMED, NON_AUTOSOMAL, par_y

DISPERSION = 0.1  # variance = mean + DISPERSION * mean**2
READS_PER_GENE = 4e7 / 60660
DEPTH_SPREAD = 0.25  # of the natural logarithm of the library size
GENE_MODEL_LINE = "# gene-model: GENCODE v36"
COLUMNS = (
    "gene_id", "gene_name", "gene_type", "unstranded", "stranded_first", "stranded_second",
    "tpm_unstranded", "fpkm_unstranded", "fpkm_uq_unstranded",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StarCounts:
    """Counts (G,) of one sample, per strand, and the four totals of reads that fell on no single gene (4, 3)."""

    unstranded: NDArray[np.int64]
    stranded_first: NDArray[np.int64]
    stranded_second: NDArray[np.int64]
    outside: NDArray[np.int64]  # unmapped, multimapping, noFeature, ambiguous x unstranded, first, second


def draw_counts(log_expression: NDArray[np.float64], genes: pd.DataFrame, rng: np.random.Generator) -> StarCounts:
    """Over-dispersed counts whose mean follows expression times length, at a depth drawn for the sample.

    `log_expression` (G,) is the natural logarithm of relative expression.
    """
    share = np.exp(log_expression - log_expression.max()) * genes["length"].to_numpy()
    share[par_y(genes)] = 0.0
    depth = len(share) * READS_PER_GENE * np.exp(rng.normal(0, DEPTH_SPREAD))
    mean = depth * share / share.sum()
    counts = rng.poisson(mean * rng.gamma(1 / DISPERSION, DISPERSION, len(mean)))
    first = rng.binomial(counts, 0.5)
    second = counts - first + rng.poisson(0.02 * counts)  # reads that overlap two genes are told apart by strand
    total = int(counts.sum())
    no_feature, ambiguous = int(0.08 * total), int(0.1 * total)
    outside = np.array(
        [
            [int(total * rng.uniform(0.05, 0.2))] * 3,
            [int(total * rng.uniform(0.1, 0.25))] * 3,
            [no_feature, no_feature + total // 2, no_feature + total // 2 - 7],
            [ambiguous, ambiguous // 4, ambiguous // 4 + 3],
        ]
    )
    return StarCounts(unstranded=counts, stranded_first=first, stranded_second=second, outside=outside)


def tpm(counts: NDArray[np.int64], genes: pd.DataFrame) -> NDArray[np.float64]:
    """Transcripts per million (G,): C/L, scaled to a sum of 1e6 over all genes."""
    rate = counts / genes["length"].to_numpy()
    return np.asarray(rate * 1e6 / rate.sum())


def fpkm(counts: NDArray[np.int64], genes: pd.DataFrame) -> NDArray[np.float64]:
    """Fragments per kilobase and million (G,): C * 1e9 / (N * L), N the reads on protein-coding genes."""
    return np.asarray(counts * 1e9 / (counts[_coding(genes)].sum() * genes["length"].to_numpy()))


def fpkm_uq(counts: NDArray[np.int64], genes: pd.DataFrame) -> NDArray[np.float64]:
    """Upper-quartile FPKM (G,): C * 1e9 / (U * G * L).

    G is the number of autosomal protein-coding genes, U the 75th percentile of their non-zero counts.
    """
    chosen = counts[_coding(genes) & ~genes["chromosome"].isin(NON_AUTOSOMAL).to_numpy()]
    upper_quartile = np.percentile(chosen[chosen > 0], 75)
    return np.asarray(counts * 1e9 / (upper_quartile * len(chosen) * genes["length"].to_numpy()))


def _coding(genes: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(genes["gene_type"] == "protein_coding")


class StarWriter:
    """Turns counts into the bytes of a file; the gene columns are laid out once for all files."""

    def __init__(self, genes: pd.DataFrame) -> None:
        self._genes = genes
        labels = ("\t".join(row) for row in zip(*(genes[name] for name in NAMED), strict=True))
        self._rows = "".join(label.replace("%", "%%") + "\t%d\t%d\t%d\t%.4f\t%.4f\t%.4f\n" for label in labels)

    def encode(self, counts: StarCounts) -> bytes:
        """The whole file, header lines included."""
        head = [GENE_MODEL_LINE, "\t".join(COLUMNS)]
        names = ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")
        for name, (unstranded, first, second) in zip(names, counts.outside.tolist(), strict=True):
            head.append(f"{name}\t\t\t{unstranded}\t{first}\t{second}\t\t\t")
        columns = (
            counts.unstranded.tolist(),
            counts.stranded_first.tolist(),
            counts.stranded_second.tolist(),
            tpm(counts.unstranded, self._genes).tolist(),
            fpkm(counts.unstranded, self._genes).tolist(),
            fpkm_uq(counts.unstranded, self._genes).tolist(),
        )
        values = tuple(value for row in zip(*columns, strict=True) for value in row)
        return ("\n".join(head) + "\n" + self._rows % values).encode()
