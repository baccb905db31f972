"""The genes of a simulated archive, as a table and as the GTF that GENCODE would make of it; no real gene is in it.

A table has its genes in the order of every file of the archive, and the columns gene_id, gene_name, gene_type,
chromosome, start and length, the last two in base pairs.
"""

import gzip
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NAMED = ("gene_id", "gene_name", "gene_type")
PAR_Y_SUFFIX = "_PAR_Y"
PAR_Y_SHARE = 44 / 60660  # of GENCODE v36
FEWEST_PAR_Y = 2
FIRST_GENE, LAST_GENE = 900_000, 1_900_000  # beyond the numbers that Ensembl has given to human genes
GENE_STREAM = 11
# The id under which the GDC serves GENCODE v36: clients ask for the annotation by it.
ANNOTATION_ID = "be002a2c-3b27-43f3-9e0f-fd47db92a6b5"
ANNOTATION_NAME = "gencode.v36.annotation.gtf.gz"
GTF_HEAD = "##description: simulated genes, none of them real\n##provider: simulation\n##format: gtf\n"

# Shares of the most frequent types of GENCODE v36.
TYPE_SHARE = {
    "protein_coding": 0.34,
    "lncRNA": 0.28,
    "processed_pseudogene": 0.17,
    "unprocessed_pseudogene": 0.05,
    "misc_RNA": 0.04,
    "snRNA": 0.03,
    "miRNA": 0.03,
    "TEC": 0.02,
    "snoRNA": 0.02,
    "transcribed_unprocessed_pseudogene": 0.02,
}
SHARED_NAME = {"misc_RNA": "Y_RNA", "snRNA": "U6"}  # many genes of these types bear one name
SHARED_NAME_CHANCE = 0.3
# Autosomes hold about equal shares here; X, Y and M as in the genome.
CHROMOSOMES = (*(f"chr{number}" for number in range(1, 23)), "chrX", "chrY", "chrM")
CHROMOSOME_SHARE = (*([0.95 / 22] * 22), 0.04, 0.008, 0.002)
NON_AUTOSOMAL = ("chrX", "chrY", "chrM")


def par_y(genes: pd.DataFrame) -> NDArray[np.bool_]:
    """Genes of the pseudoautosomal region of Y (G,), to which no read is ever counted."""
    return np.array([gene_id.endswith(PAR_Y_SUFFIX) for gene_id in genes["gene_id"]])


def draw_gene_table(n_genes: int, seed: int) -> pd.DataFrame:
    """A table of `n_genes` made-up genes, sorted by versioned id, positions increasing along it."""
    rng = np.random.default_rng([seed, GENE_STREAM])
    n_twins = max(FEWEST_PAR_Y, round(PAR_Y_SHARE * n_genes))
    n_drawn = n_genes - n_twins
    numbers = np.sort(rng.choice(LAST_GENE - FIRST_GENE, n_drawn, replace=False)) + FIRST_GENE
    versions = rng.integers(1, 21, n_drawn)
    identifiers = [f"ENSG{number:011d}.{version}" for number, version in zip(numbers, versions, strict=True)]
    types = rng.choice(list(TYPE_SHARE), n_drawn, p=_normalised(tuple(TYPE_SHARE.values())))
    names = _draw_names(types, rng)
    twins = set(rng.choice(n_drawn, n_twins, replace=False).tolist())
    rows = []
    for index, row in enumerate(zip(identifiers, names, types.tolist(), strict=True)):
        rows.append(row)
        if index in twins:  # the twin sorts right behind its gene on X
            rows.append((row[0] + PAR_Y_SUFFIX, row[1], row[2]))
    return _placed(rows, rng)


def _placed(rows: list[tuple[str, str, str]], rng: np.random.Generator) -> pd.DataFrame:
    n_genes = len(rows)
    ends = np.round(np.cumsum(_normalised(CHROMOSOME_SHARE)) * n_genes).astype(int)
    codes = np.searchsorted(ends, np.arange(n_genes), side="right")
    chromosomes = [CHROMOSOMES[code] for code in codes]
    steps = rng.integers(5_000, 80_000, n_genes)
    total = np.cumsum(steps)
    before = np.concatenate([[0], total])[np.searchsorted(codes, codes)]  # where each gene's chromosome begins
    lengths = np.clip(np.exp(rng.normal(7.6, 0.9, n_genes)), 60, 100_000).astype(np.int64)
    for index, (gene_id, _, _) in enumerate(rows):
        if gene_id.endswith(PAR_Y_SUFFIX):
            chromosomes[index - 1 : index + 1] = "chrX", "chrY"
            lengths[index] = lengths[index - 1]
    table = pd.DataFrame(rows, columns=list(NAMED))
    return table.assign(chromosome=chromosomes, start=total - before, length=lengths)


def _draw_names(types: NDArray[np.str_], rng: np.random.Generator) -> list[str]:
    names = []
    for number, gene_type in enumerate(types.tolist()):
        shared = rng.random() < SHARED_NAME_CHANCE
        names.append(SHARED_NAME[gene_type] if shared and gene_type in SHARED_NAME else f"SIM{number:05d}")
    return names


def _normalised(shares: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(shares) / sum(shares)


def encode_gtf(genes: pd.DataFrame) -> bytes:
    """The gzipped file: chromosome by chromosome, a gene row and one transcript row for each gene."""
    rank = {name: place for place, name in enumerate(genes["chromosome"].unique())}
    in_order = genes.assign(rank=genes["chromosome"].map(rank)).sort_values(["rank", "start"], kind="stable")
    text = GTF_HEAD + "".join(_gtf_rows(gene) for gene in in_order.itertuples())
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _gtf_rows(gene: Any) -> str:
    end, strand = gene.start + gene.length - 1, "+-"[gene.Index % 2]
    transcript = gene.gene_id.replace("ENSG", "ENST")
    about = f'gene_type "{gene.gene_type}"; gene_name "{gene.gene_name}"; level 2;'
    head, tail = f"{gene.chromosome}\tSIM", f'{gene.start}\t{end}\t.\t{strand}\t.\tgene_id "{gene.gene_id}";'
    return f'{head}\tgene\t{tail} {about}\n{head}\ttranscript\t{tail} transcript_id "{transcript}"; {about}\n'
