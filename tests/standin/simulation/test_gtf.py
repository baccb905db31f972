import gzip
import re

from mgi_standin.simulation.gtf import encode_gtf


def test_every_gene_has_one_row_with_its_place_and_names(gene_table):
    lines = gzip.decompress(encode_gtf(gene_table)).decode().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    genes = {re.search('gene_id "([^"]+)"', row[8])[1]: row for row in rows if row[2] == "gene"}
    assert len(rows) == 2 * len(genes)
    assert set(genes) == set(gene_table["gene_id"].tolist())
    for index, gene_id in enumerate(gene_table["gene_id"].tolist()):
        row = genes[gene_id]
        assert (row[0], int(row[3])) == (gene_table["chromosome"][index], gene_table["start"][index])
        assert int(row[4]) - int(row[3]) + 1 == gene_table["length"][index]
        assert f'gene_name "{gene_table["gene_name"].tolist()[index]}"' in row[8]


def test_genes_stand_by_place_and_not_by_id(gene_table):
    lines = gzip.decompress(encode_gtf(gene_table)).decode().splitlines()
    rows = [line.split("\t") for line in lines if "\tgene\t" in line]
    chromosomes = [row[0] for row in rows]
    assert sorted(set(chromosomes), key=chromosomes.index) == list(dict.fromkeys(gene_table["chromosome"]))
    for chromosome in set(chromosomes):
        starts = [int(row[3]) for row in rows if row[0] == chromosome]
        assert starts == sorted(starts)


def test_the_same_genes_give_the_same_bytes(gene_table):
    assert encode_gtf(gene_table) == encode_gtf(gene_table)
