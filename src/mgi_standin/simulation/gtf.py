"""The annotation of a simulated archive: its genes as the GTF that GENCODE would make of them."""

import gzip
from typing import Any

import pandas as pd

# The id under which the GDC serves GENCODE v36: clients ask for the annotation by it.
ANNOTATION_ID = "be002a2c-3b27-43f3-9e0f-fd47db92a6b5"
ANNOTATION_NAME = "gencode.v36.annotation.gtf.gz"
_HEAD = "##description: simulated genes, none of them real\n##provider: simulation\n##format: gtf\n"


def encode_gtf(genes: pd.DataFrame) -> bytes:
    """The gzipped file: chromosome by chromosome, a gene row and one transcript row for each gene."""
    rank = {name: place for place, name in enumerate(genes["chromosome"].unique())}
    in_order = genes.assign(rank=genes["chromosome"].map(rank)).sort_values(["rank", "start"], kind="stable")
    text = _HEAD + "".join(_rows(gene) for gene in in_order.itertuples())
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _rows(gene: Any) -> str:
    end, strand = gene.start + gene.length - 1, "+-"[gene.Index % 2]
    transcript = gene.gene_id.replace("ENSG", "ENST")
    about = f'gene_type "{gene.gene_type}"; gene_name "{gene.gene_name}"; level 2;'
    head, tail = f"{gene.chromosome}\tSIM", f'{gene.start}\t{end}\t.\t{strand}\t.\tgene_id "{gene.gene_id}";'
    return f'{head}\tgene\t{tail} {about}\n{head}\ttranscript\t{tail} transcript_id "{transcript}"; {about}\n'
