"""The annotation of a simulated archive: its genes as the GTF that GENCODE would make of them."""

import gzip

from mgi_standin.simulation.genes import GeneTable

# The id under which the GDC serves GENCODE v36: clients ask for the annotation by it.
ANNOTATION_ID = "be002a2c-3b27-43f3-9e0f-fd47db92a6b5"
ANNOTATION_NAME = "gencode.v36.annotation.gtf.gz"
_HEAD = "##description: simulated genes, none of them real\n##provider: simulation\n##format: gtf\n"


def encode_gtf(genes: GeneTable) -> bytes:
    """The gzipped file: chromosome by chromosome, a gene row and one transcript row for each gene."""
    places = zip(genes.chromosomes, genes.starts.tolist(), range(len(genes.gene_ids)), strict=True)
    by_chromosome = {name: place for place, name in enumerate(dict.fromkeys(genes.chromosomes))}
    in_order = sorted(places, key=lambda place: (by_chromosome[place[0]], *place[1:]))
    text = _HEAD + "".join(_rows(genes, index) for _, _, index in in_order)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _rows(genes: GeneTable, index: int) -> str:
    gene_id, start = genes.gene_ids[index], int(genes.starts[index])
    end, strand = start + int(genes.lengths[index]) - 1, "+-"[index % 2]
    kind, name = genes.gene_types[index], genes.gene_names[index]
    transcript = gene_id.replace("ENSG", "ENST")
    gene = f'gene_type "{kind}"; gene_name "{name}"; level 2;'
    head, tail = f"{genes.chromosomes[index]}\tSIM", f'{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene_id}";'
    return f'{head}\tgene\t{tail} {gene}\n{head}\ttranscript\t{tail} transcript_id "{transcript}"; {gene}\n'
