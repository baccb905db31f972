import re
from pathlib import Path

import numpy as np
import pytest

from mgi_standin.errors import BadInputError
from mgi_standin.simulation.genes import as_frame, draw_gene_table, read_gene_table


@pytest.fixture(scope="module")
def genes():
    return draw_gene_table(2000, 7)


def test_ids_are_versioned_unique_and_sorted(genes):
    assert len(genes.gene_ids) == 2000 == len(set(genes.gene_ids))
    assert genes.gene_ids == sorted(genes.gene_ids)
    assert all(re.fullmatch(r"ENSG\d{11}\.\d+(_PAR_Y)?", gene_id) for gene_id in genes.gene_ids)


def test_each_par_y_gene_stands_behind_its_twin_on_x(genes):
    places = np.flatnonzero(genes.par_y)
    assert len(places) >= 2
    for place in places:
        assert genes.gene_ids[place] == genes.gene_ids[place - 1] + "_PAR_Y"
        assert (genes.chromosomes[place - 1], genes.chromosomes[place]) == ("chrX", "chrY")
        assert genes.lengths[place] == genes.lengths[place - 1]


def test_a_few_names_repeat_and_about_a_third_of_the_genes_code_for_protein(genes):
    repeats = len(genes.gene_names) - len(set(genes.gene_names))
    assert 5 < repeats < 200
    assert 0.25 < genes.protein_coding.mean() < 0.42
    assert len(set(genes.gene_types)) >= 5


def test_starts_increase_along_each_chromosome(genes):
    frame = as_frame(genes)[~genes.par_y]
    by_chromosome = frame.groupby("chromosome")["start"]
    assert all(starts.is_monotonic_increasing for name, starts in by_chromosome if name not in ("chrX", "chrY"))
    assert (frame["start"] > 0).all()
    assert frame["start"].max() < 4_000_000_000


def test_autosomal_genes_lie_on_chromosomes_1_to_22(genes):
    on_autosomes = {chromosome for chromosome, yes in zip(genes.chromosomes, genes.autosomal, strict=True) if yes}
    assert on_autosomes == {f"chr{number}" for number in range(1, 23)}


def test_the_seed_decides(genes):
    assert draw_gene_table(2000, 7).gene_ids == genes.gene_ids
    assert draw_gene_table(2000, 8).gene_ids != genes.gene_ids


def test_a_users_table_replaces_ids_in_its_order(tmp_path: Path):
    path = tmp_path / "genes.tsv"
    path.write_text("gene_id\tgene_name\tgene_type\nB.1\tNA\tlncRNA\nA.2\tX\tprotein_coding\nA.2_PAR_Y\tX\tlncRNA\n")
    genes = read_gene_table(path, 3, 0)
    assert genes.gene_ids == ["B.1", "A.2", "A.2_PAR_Y"]
    assert genes.gene_names == ["NA", "X", "X"]  # a gene called NA is not a missing value
    assert genes.par_y.tolist() == [False, False, True]
    assert (genes.lengths >= 60).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gene_id\tgene_name\nA\tB\n", r"genes\.tsv: .*column gene_type"),
        ("gene_id\tgene_name\tgene_type\nA\tB\tC\n", r"genes\.tsv: 1 .*n_genes = 2"),
        ("gene_id\tgene_name\tgene_type\nA\tB\tC\nA\tB\tC\n", r"genes\.tsv: gene_id A .*twice"),
    ],
)
def test_a_users_table_with_a_fault_is_refused_in_one_line(tmp_path: Path, text: str, expected: str):
    path = tmp_path / "genes.tsv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=expected) as caught:
        read_gene_table(path, 2, 0)
    assert str(path) in str(caught.value)
