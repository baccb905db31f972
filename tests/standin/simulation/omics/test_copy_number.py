import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.latent_factors import SUBTYPES
from mgi_standin.simulation.omics.copy_number import (
    COLUMNS,
    NOT_MEASURED,
    CopyNumberWriter,
    as_measured,
    copy_number_genes,
    draw_copies,
)
from simulated_tumour import tumour_of

GENES = draw_gene_table(1000, 5)
TABLE = copy_number_genes(GENES, np.random.default_rng(0))


def share(copies, where, test):
    return float(np.mean(test(copies[where.to_numpy()])))


def test_the_genes_differ_from_those_of_expression_in_count_order_version_and_members():
    without = {gene_id.split(".")[0] for gene_id in TABLE["gene_id"]}
    expressed = {gene_id.split(".")[0] for gene_id in GENES["gene_id"]}
    assert len(TABLE) != len(GENES)
    assert len(without - expressed) == 3
    assert not (TABLE["chromosome"] == "chrM").any()
    assert TABLE["chromosome"].unique().tolist() == sorted(TABLE["chromosome"].unique())
    common = set(GENES["gene_id"]) & set(TABLE["gene_id"])
    assert 0.8 * len(TABLE) < len(common) < 0.95 * len(TABLE)
    assert TABLE["gene_id"].is_unique


def test_arms_are_halves_of_what_the_genes_of_expression_span():
    chr1 = TABLE[TABLE["chromosome"] == "chr1"]
    centre = GENES.loc[GENES["chromosome"] == "chr1", "start"].max() / 2
    assert ((chr1["start"] <= centre) == (chr1["arm"] == "1p")).all()
    assert set(chr1["arm"]) == {"1p", "1q"}


@pytest.mark.parametrize("ploidy", [2, 4])
@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("seed", range(8))
def test_each_subtype_has_its_losses_and_gains_against_the_most_frequent_number(subtype, ploidy, seed):
    copies = draw_copies(tumour_of(subtype, ploidy=ploidy), TABLE, np.random.default_rng(seed)).copies
    values, counts = np.unique(copies, return_counts=True)
    assert values[counts.argmax()] == ploidy
    lost = [share(copies, TABLE["arm"] == arm, lambda found: found < ploidy) >= 0.8 for arm in ("1p", "19q")]
    assert all(lost) == (subtype == "IDHmut-codel")
    gained = share(copies, TABLE["chromosome"] == "chr7", lambda found: found > ploidy) >= 0.8
    lost_10 = share(copies, TABLE["chromosome"] == "chr10", lambda found: found < ploidy) >= 0.8
    assert (gained and lost_10) == (subtype == "IDHwt")


def test_one_half_of_a_subtypes_change_occurs_alone():
    drawn = [
        draw_copies(tumour_of("IDHmut-non-codel"), TABLE, np.random.default_rng(seed)).copies for seed in range(60)
    ]
    assert any(share(copies, TABLE["arm"] == "19q", lambda found: found < 2) == 1 for copies in drawn)
    assert any(share(copies, TABLE["chromosome"] == "chr7", lambda found: found > 2) == 1 for copies in drawn)


def test_a_gene_with_a_break_within_has_a_range_that_holds_its_copies():
    drawn = draw_copies(tumour_of("IDHmut-codel"), TABLE, np.random.default_rng(1))
    assert (drawn.fewest <= drawn.copies).all()
    assert (drawn.copies <= drawn.most).all()
    assert 0 < (drawn.fewest < drawn.most).sum() < 40


def test_a_file_has_integers_or_nothing_at_all_in_the_last_three_columns():
    drawn = as_measured(
        draw_copies(tumour_of("IDHwt"), TABLE, np.random.default_rng(2)), TABLE, np.random.default_rng(3)
    )
    lines = CopyNumberWriter(TABLE).encode(drawn).decode().splitlines()
    assert lines[0].split("\t") == list(COLUMNS)
    rows = [line.split("\t") for line in lines[1:]]
    assert {len(row) for row in rows} == {8}
    assert [row[0] for row in rows] == TABLE["gene_id"].tolist()
    empty = [row for row in rows if row[5] == ""]
    assert {tuple(row[5:]) for row in empty} == {("", "", "")}
    assert all(value.isdigit() for row in rows if row[5] for value in row[5:])
    assert {row[2] for row in empty} >= {"chrY"}
    assert len(empty) == (drawn.copies == NOT_MEASURED).sum()


def test_pandas_reads_the_file():
    drawn = draw_copies(tumour_of("IDHwt"), TABLE, np.random.default_rng(2))
    hidden = replace(drawn, copies=np.where(np.arange(len(TABLE)) == 1, NOT_MEASURED, drawn.copies))
    read = pd.read_csv(io.BytesIO(CopyNumberWriter(TABLE).encode(hidden)), sep="\t")
    assert np.flatnonzero(read["copy_number"].isna()).tolist() == [1]
    assert read["copy_number"].drop(1).tolist() == np.delete(drawn.copies, 1).tolist()
