import io

import numpy as np
import pandas as pd
import pytest

from mgi_standin.simulation.omics.mirna import COLUMNS, N_MIRNAS, draw_reads, encode_reads, mirna_model
from simulated_tumour import tumour_of

MODEL = mirna_model(np.random.default_rng(1))


def reads(tumour, seed=0):
    return draw_reads(tumour, MODEL, np.random.default_rng(seed), np.random.default_rng(seed + 1000))


def test_a_file_names_every_microrna_and_scales_reads_to_a_million():
    drawn = reads(tumour_of("IDHwt"))
    table = pd.read_csv(io.BytesIO(encode_reads(drawn, MODEL)), sep="\t")
    assert tuple(table.columns) == COLUMNS
    assert table["miRNA_ID"].tolist() == MODEL.names
    assert table["read_count"].tolist() == drawn.tolist()
    np.testing.assert_allclose(table["reads_per_million_miRNA_mapped"], drawn * 1e6 / drawn.sum(), atol=1e-6)
    assert set(table["cross-mapped"]) == {"Y", "N"}


def test_many_micrornas_have_next_to_no_reads():
    per_million = np.mean([(found := reads(tumour_of("IDHwt"), seed)) * 1e6 / found.sum() for seed in range(5)], axis=0)
    assert 0.3 < (per_million < 1).mean() < 0.6
    assert len(set(MODEL.names)) == N_MIRNAS


@pytest.mark.parametrize("name", ["side", "size", "margin", "contrast", "IDHmut-codel", "IDHmut-non-codel", "IDHwt"])
def test_a_factor_moves_what_is_expressed_of_its_own(name):
    def level(value):
        factors = tumour_of("none").factors
        about = {"factors": factors | {name: value}, "atrx": False, "tp53": False}
        return np.mean([np.log(reads(tumour_of("none", **about), seed) + 1.0) for seed in range(8)], axis=0)

    shifts = MODEL.loadings.shifts[name]
    moved = (shifts != 0) & (MODEL.baseline > -2)
    assert np.corrcoef((level(1.0) - level(-1.0))[moved], shifts[moved])[0, 1] > 0.8
