import io

import numpy as np
import pandas as pd
import pytest

from mgi_standin.simulation.genes import draw_gene_table, par_y
from mgi_standin.simulation.star import DISPERSION, StarCounts, StarWriter, draw_counts, fpkm, fpkm_uq, tpm


def three_genes(**changes) -> pd.DataFrame:
    table = {
        "gene_id": ["A.1", "B.1", "C.1"],
        "gene_name": ["a", "b%d", "c"],
        "gene_type": ["protein_coding", "lncRNA", "protein_coding"],
        "chromosome": ["chr1", "chr1", "chrX"],
        "start": [1, 2, 3],
        "length": [1000, 500, 2000],
    }
    return pd.DataFrame({**table, **changes})


COUNTS = np.array([30, 10, 100])


def test_tpm_of_three_genes_by_hand():
    # rates per kb: 30, 20, 50; their sum is 100
    np.testing.assert_allclose(tpm(COUNTS, three_genes()), [3e5, 2e5, 5e5])


def test_fpkm_divides_by_protein_coding_reads_only():
    # N = 30 + 100; 30 * 1e9 / (130 * 1000)
    np.testing.assert_allclose(fpkm(COUNTS, three_genes()), np.array([30 / 1000, 10 / 500, 100 / 2000]) * 1e9 / 130)


def test_fpkm_uq_uses_autosomal_protein_coding_genes_only():
    # the only such gene is A: U = 30, G = 1
    np.testing.assert_allclose(fpkm_uq(COUNTS, three_genes())[0], 30 * 1e9 / (30 * 1 * 1000))


def test_the_upper_quartile_leaves_out_zeros_but_the_gene_number_does_not():
    genes = three_genes(gene_type=["protein_coding"] * 3, chromosome=["chr1"] * 3)
    # non-zero counts 10 and 30: 75th percentile 25; three genes
    np.testing.assert_allclose(fpkm_uq(np.array([30, 0, 10]), genes)[0], 30 * 1e9 / (25 * 3 * 1000))


def test_a_file_byte_for_byte():
    counts = StarCounts(
        unstranded=COUNTS,
        stranded_first=np.array([14, 6, 50]),
        stranded_second=np.array([16, 4, 51]),
        outside=np.array([[7, 7, 7], [8, 8, 8], [1, 5, 4], [9, 2, 3]]),
    )
    assert StarWriter(three_genes()).encode(counts).decode().split("\n") == [
        "# gene-model: GENCODE v36",
        "gene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second"
        "\ttpm_unstranded\tfpkm_unstranded\tfpkm_uq_unstranded",
        "N_unmapped\t\t\t7\t7\t7\t\t\t",
        "N_multimapping\t\t\t8\t8\t8\t\t\t",
        "N_noFeature\t\t\t1\t5\t4\t\t\t",
        "N_ambiguous\t\t\t9\t2\t3\t\t\t",
        "A.1\ta\tprotein_coding\t30\t14\t16\t300000.0000\t230769.2308\t1000000.0000",
        "B.1\tb%d\tlncRNA\t10\t6\t4\t200000.0000\t153846.1538\t666666.6667",
        "C.1\tc\tprotein_coding\t100\t50\t51\t500000.0000\t384615.3846\t1666666.6667",
        "",
    ]


@pytest.fixture(scope="module")
def genes() -> pd.DataFrame:
    return draw_gene_table(1000, 1)


def test_the_tpm_column_is_that_of_the_counts_and_sums_to_a_million(genes):
    rng = np.random.default_rng(0)
    content = StarWriter(genes).encode(draw_counts(rng.normal(2, 1.8, 1000), genes, rng))
    table = pd.read_csv(io.BytesIO(content), sep="\t", comment="#")
    table = table[~table["gene_id"].str.startswith("N_")]
    assert len(table) == 1000
    assert abs(table["tpm_unstranded"].sum() - 1e6) < 0.1
    rate = table["unstranded"].to_numpy() / genes["length"]
    np.testing.assert_allclose(table["tpm_unstranded"], rate / rate.sum() * 1e6, atol=6e-5)


def test_par_y_genes_have_no_reads(genes):
    counts = draw_counts(np.full(1000, 5.0), genes, np.random.default_rng(0))
    assert counts.unstranded[par_y(genes)].sum() == 0
    assert counts.unstranded[~par_y(genes)].min() > 0


def test_counts_are_over_dispersed_as_stated(genes):
    flat = genes.assign(length=np.full(1000, 1000))
    counts = draw_counts(np.zeros(1000), flat, np.random.default_rng(0)).unstranded[~par_y(genes)]
    dispersion = (counts.var() - counts.mean()) / counts.mean() ** 2
    assert dispersion == pytest.approx(DISPERSION, rel=0.3)


def test_strands_sum_to_about_the_unstranded_count(genes):
    counts = draw_counts(np.zeros(1000), genes, np.random.default_rng(0))
    both = counts.stranded_first + counts.stranded_second
    assert (both >= counts.unstranded).all()
    assert both.sum() == pytest.approx(counts.unstranded.sum(), rel=0.05)


def test_twice_the_expression_gives_about_twice_the_tpm(genes):
    low = np.zeros(1000)
    high = low.copy()
    high[:300] += np.log(2)
    ratios = [
        tpm(draw_counts(high, genes, np.random.default_rng(seed)).unstranded, genes)[:300].mean()
        / tpm(draw_counts(low, genes, np.random.default_rng(seed)).unstranded, genes)[:300].mean()
        for seed in range(4)
    ]
    assert np.mean(ratios) == pytest.approx(2 * 1000 / 1300, rel=0.1)
