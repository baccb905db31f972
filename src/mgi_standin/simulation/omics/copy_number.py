"""Gene-level copy number as ASCAT3 gives it, byte for byte: integers, and nothing where no segment lies.

Format: GDC documentation, "Copy Number Variation Analysis Pipeline". The genes are those of GENCODE v36 without the
mitochondrial ones; here a few more are missing, three are added, some have another version, and the order differs.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi_standin.simulation.genes import LAST_GENE, PAR_Y_SUFFIX
from mgi_standin.simulation.omics.arms import arms_of, centres_of
from mgi_standin.simulation.omics.tumour import Tumour

COLUMNS = (
    "gene_id", "gene_name", "chromosome", "start", "end", "copy_number", "min_copy_number", "max_copy_number",
)  # fmt: skip
DROPPED_SHARE, OTHER_VERSION_SHARE = 0.01, 0.1
ADDED = (("chr3", "SIMCN1"), ("chr5", "SIMCN2"), ("chr8", "SIMCN3"))  # genes that expression does not have
NOT_MEASURED = -1
# Chromosomes of the subtypes' own changes; random changes spare them.
SUBTYPE_CHROMOSOMES = ("chr1", "chr19", "chr7", "chr10")
# Chance that an IDH-mutant tumour without codeletion has one of them alone, which defines no subtype.
ONE_OF_TWO = {"1p": 0.05, "19q": 0.10, "7": 0.12}
RANDOM_CHANGES = 3.0
AMPLIFIED_SHARE, AMPLIFIED_COPIES = 0.4, (8, 21)  # a few genes of chromosome 7 in wild types
EMPTY_ENDS, EMPTY_GAPS = 2, 2  # at most so many genes at each end of a chromosome, and gaps elsewhere


@dataclass(frozen=True, kw_only=True)
class CopyNumbers:
    """Copies of each gene (G,), and the fewest and most within it; NOT_MEASURED where no segment lies."""

    copies: NDArray[np.int64]
    fewest: NDArray[np.int64]
    most: NDArray[np.int64]


def copy_number_genes(genes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The rows of every file: gene_id, gene_name, chromosome, start, end, and the arm, which no file tells."""
    kept = genes[(genes["chromosome"] != "chrM").to_numpy() & (rng.random(len(genes)) >= DROPPED_SHARE)]
    renamed = rng.random(len(kept)) < OTHER_VERSION_SHARE
    ids = [_next_version(one) if other else one for one, other in zip(kept["gene_id"], renamed, strict=True)]
    table = kept.assign(gene_id=ids, end=kept["start"] + kept["length"] - 1)
    ends = table.groupby("chromosome")["end"].max()
    more = [
        {"gene_id": f"ENSG{LAST_GENE + place:011d}.1", "gene_name": name, "chromosome": chromosome,
         "start": int(ends[chromosome]) + 1000, "end": int(ends[chromosome]) + 2999}
        for place, (chromosome, name) in enumerate(ADDED)
    ]  # fmt: skip
    whole = pd.concat([table, pd.DataFrame(more)], ignore_index=True)
    whole = whole.sort_values(["chromosome", "start", "gene_id"], kind="stable").reset_index(drop=True)
    whole = whole.assign(arm=arms_of(whole, centres_of(genes)))
    return whole[["gene_id", "gene_name", "chromosome", "start", "end", "arm"]]


def _next_version(gene_id: str) -> str:
    head, _, tail = gene_id.partition(".")
    version = int(tail.removesuffix(PAR_Y_SUFFIX)) + 1
    return f"{head}.{version}{PAR_Y_SUFFIX if tail.endswith(PAR_Y_SUFFIX) else ''}"


def draw_copies(tumour: Tumour, table: pd.DataFrame, rng: np.random.Generator) -> CopyNumbers:
    """The subtype's losses and gains, and random ones on other chromosomes.

    Where the genome is doubled, all these come before the doubling.
    """
    chromosome, arm = table["chromosome"].to_numpy(), table["arm"].to_numpy()
    copies = np.full(len(table), 2)
    for place, value in _subtype_changes(tumour, rng).items():
        copies[(arm == place) | (chromosome == f"chr{place}")] = value
    others = [name for name in np.unique(chromosome) if name not in (*SUBTYPE_CHROMOSOMES, "chrY")]
    for name in rng.choice(others, rng.poisson(RANDOM_CHANGES)):
        copies[_span(np.flatnonzero(chromosome == name), rng)] = rng.choice((1, 1, 3, 3, 0))
    copies = copies * (tumour.ploidy // 2)
    if tumour.subtype == "IDHwt" and rng.random() < AMPLIFIED_SHARE:
        on_7 = np.flatnonzero(chromosome == "chr7")
        copies[on_7[len(on_7) // 3 :][:2]] = rng.integers(*AMPLIFIED_COPIES)
    before = np.concatenate([copies[:1], copies[:-1]])
    broken = (before != copies) & np.concatenate([[False], chromosome[1:] == chromosome[:-1]])
    broken &= rng.random(len(table)) < 0.5  # the break lies within the gene
    return CopyNumbers(
        copies=copies,
        fewest=np.where(broken, np.minimum(before, copies), copies),
        most=np.where(broken, np.maximum(before, copies), copies),
    )


def as_measured(drawn: CopyNumbers, table: pd.DataFrame, rng: np.random.Generator) -> CopyNumbers:
    """The copy numbers of an aliquot, whose segments do not cover all genes."""
    empty = _not_measured(table["chromosome"].to_numpy(), rng)
    copies, fewest, most = (
        np.where(empty, NOT_MEASURED, values) for values in (drawn.copies, drawn.fewest, drawn.most)
    )
    return CopyNumbers(copies=copies, fewest=fewest, most=most)


def _subtype_changes(tumour: Tumour, rng: np.random.Generator) -> dict[str, int]:
    """Chromosome or arm -> number of copies before any doubling."""
    alone = {place: rng.random() < chance for place, chance in ONE_OF_TWO.items()}
    if tumour.codel:
        return {"1p": 1, "19q": 1}
    if tumour.gain7loss10:
        return {"7": 3, "10": 1}
    if alone["1p"]:
        return {"1p": 1}
    return {place: value for place, value in (("19q", 1), ("7", 3)) if alone[place]}


def _span(members: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Neighbouring genes of one chromosome, a fifth of it to all."""
    length = max(1, round(len(members) * rng.uniform(0.2, 1.0)))
    start = int(rng.integers(0, len(members) - length + 1))
    return members[start : start + length]


def _not_measured(chromosome: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Genes outside of every segment (G,): all of Y, some at the ends of chromosomes, and a gap now and then."""
    empty = np.asarray(chromosome == "chrY")
    for name in np.unique(chromosome):
        members = np.flatnonzero(chromosome == name)
        first, last = rng.integers(0, EMPTY_ENDS + 1, 2)
        empty[members[:first]] = True
        empty[members[len(members) - last :]] = True
    for start in rng.integers(0, len(empty), rng.integers(0, EMPTY_GAPS + 1)):
        empty[start : start + int(rng.integers(1, 5))] = True
    return empty


class CopyNumberWriter:
    """Turns copies into the bytes of a file; the gene columns are laid out once for all files."""

    def __init__(self, table: pd.DataFrame) -> None:
        shown = table[list(COLUMNS[:5])].astype(str)
        self._labels = ["\t".join(row) for row in shown.itertuples(index=False, name=None)]

    def encode(self, drawn: CopyNumbers) -> bytes:
        """The whole file with its header line."""
        columns = (drawn.copies.tolist(), drawn.fewest.tolist(), drawn.most.tolist())
        rows = (
            f"{label}\t\t\t" if copies == NOT_MEASURED else f"{label}\t{copies}\t{fewest}\t{most}"
            for label, copies, fewest, most in zip(self._labels, *columns, strict=True)
        )
        return ("\n".join(["\t".join(COLUMNS), *rows]) + "\n").encode()
