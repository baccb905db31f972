import io

import numpy as np
import pandas as pd
import pytest

from mgi_standin.simulation.omics.rppa import COLUMNS, N_ANTIBODIES, N_OLD, draw_levels, encode_levels, rppa_model
from simulated_tumour import tumour_of

MODEL = rppa_model(np.random.default_rng(1))


def levels(tumour, seed=0):
    return draw_levels(tumour, MODEL, np.random.default_rng(seed), np.random.default_rng(seed + 1000))


def read(content):
    return pd.read_csv(io.BytesIO(content), sep="\t")


def test_a_file_names_every_antibody_and_says_na_where_it_failed():
    drawn = levels(tumour_of("IDHwt"))
    table = read(encode_levels(drawn, MODEL, old_panel=False))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == N_ANTIBODIES
    assert table["peptide_target"].is_unique
    assert table["AGID"].is_unique
    np.testing.assert_allclose(table["protein_expression"], drawn, rtol=1e-8)
    assert 0 < table["protein_expression"].isna().mean() < 0.12


def test_the_older_panel_has_fewer_rows_under_the_same_names():
    drawn = levels(tumour_of("IDHwt"))
    new, old = (read(encode_levels(drawn, MODEL, old_panel=panel)) for panel in (False, True))
    assert len(old) == N_OLD < N_ANTIBODIES
    pd.testing.assert_frame_equal(new[new["AGID"].isin(old["AGID"])].reset_index(drop=True), old)


def test_a_few_antibodies_fail_in_most_files():
    failed = np.isnan([levels(tumour_of("IDHwt"), seed) for seed in range(30)]).mean(axis=0)
    assert 1 <= (failed > 0.5).sum() <= 20


@pytest.mark.parametrize("name", ["side", "size", "margin", "contrast", "IDHmut-codel", "IDHmut-non-codel", "IDHwt"])
def test_a_factor_moves_its_own_antibodies_and_no_others(name):
    factors = tumour_of("none").factors
    plus, minus = (levels(tumour_of("none", factors=factors | {name: value})) for value in (1.0, -1.0))
    failed = np.isnan(plus)
    np.testing.assert_allclose((plus - minus)[~failed], 2 * MODEL.loadings.shifts[name][~failed], atol=1e-9)
