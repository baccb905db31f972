import gzip
import re

import numpy as np
import pytest

from mgi_standin.simulation.genes import NON_AUTOSOMAL, draw_gene_table, encode_gtf, par_y


@pytest.fixture(scope="module")
def genes():
    return draw_gene_table(2000, 7)


def test_ids_are_versioned_unique_and_sorted(genes):
    assert len(genes) == 2000 == genes["gene_id"].nunique()
    assert genes["gene_id"].tolist() == sorted(genes["gene_id"].tolist())
    assert all(re.fullmatch(r"ENSG\d{11}\.\d+(_PAR_Y)?", gene_id) for gene_id in genes["gene_id"])


def test_each_par_y_gene_stands_behind_its_twin_on_x(genes):
    places = np.flatnonzero(par_y(genes))
    assert len(places) >= 2
    for place in places:
        assert genes["gene_id"][place] == genes["gene_id"][place - 1] + "_PAR_Y"
        assert (genes["chromosome"][place - 1], genes["chromosome"][place]) == ("chrX", "chrY")
        assert genes["length"][place] == genes["length"][place - 1]


def test_a_few_names_repeat_and_about_a_third_of_the_genes_code_for_protein(genes):
    repeats = len(genes) - genes["gene_name"].nunique()
    assert 5 < repeats < 200
    assert 0.25 < (genes["gene_type"] == "protein_coding").mean() < 0.42
    assert len(set(genes["gene_type"])) >= 5


def test_starts_increase_along_each_chromosome(genes):
    frame = genes[~par_y(genes)]
    by_chromosome = frame.groupby("chromosome")["start"]
    assert all(starts.is_monotonic_increasing for name, starts in by_chromosome if name not in ("chrX", "chrY"))
    assert (frame["start"] > 0).all()
    assert frame["start"].max() < 4_000_000_000


def test_autosomal_genes_lie_on_chromosomes_1_to_22(genes):
    assert set(genes["chromosome"]) - set(NON_AUTOSOMAL) == {f"chr{number}" for number in range(1, 23)}


def test_the_seed_decides(genes):
    assert draw_gene_table(2000, 7)["gene_id"].tolist() == genes["gene_id"].tolist()
    assert draw_gene_table(2000, 8)["gene_id"].tolist() != genes["gene_id"].tolist()


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
