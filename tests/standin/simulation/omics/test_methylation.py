import numpy as np
import pytest

from mgi_standin.simulation.omics.methylation import (
    N_PROBES,
    N_SNP,
    draw_betas,
    encode_betas,
    methylation_model,
)
from simulated_tumour import tumour_of

MODEL = methylation_model(np.random.default_rng(1))


def betas(tumour, seed=0):
    return draw_betas(tumour, MODEL, np.random.default_rng(seed), np.random.default_rng(seed + 1000))


def test_probes_are_sites_others_and_snps_each_named_once():
    starts = [probe[:2] for probe in MODEL.probes]
    assert {start: starts.count(start) for start in ("cg", "ch", "rs")} == {"cg": 2940, "ch": 40, "rs": 20}
    assert len(set(MODEL.probes)) == N_PROBES


def test_mutant_idh_methylates_its_probes_and_more_so_in_pure_samples():
    probes = MODEL.loadings.shifts["IDH"] > 0

    def level(subtype, purity):
        return np.nanmean([betas(tumour_of(subtype, purity=purity), seed)[probes] for seed in range(5)])

    assert level("IDHmut-codel", 0.9) > level("IDHmut-codel", 0.5) + 0.05 > level("IDHwt", 0.9) + 0.1


@pytest.mark.parametrize("factor", ["side", "size", "margin", "contrast"])
def test_a_factor_moves_its_own_probes_and_no_others(factor):
    factors = tumour_of("IDHwt").factors
    plus, minus = (
        tumour_of("IDHwt", factors=factors | {factor: value}, purity=1.0) for value in (1.0, -1.0)
    )  # the same streams: all else is equal
    difference = betas(plus) - betas(minus)
    shifts = MODEL.loadings.shifts[factor]
    free = (shifts == 0) | np.isnan(difference)
    assert np.nanmax(np.abs(difference[free])) < 1e-9
    assert (difference[~free] * shifts[~free] >= 0).all()
    assert (difference[~free] != 0).mean() > 0.95  # the others tell a genotype, or lie at the end of the scale
    assert (shifts != 0).sum() == 150


def test_snp_probes_tell_one_of_three_genotypes():
    found = np.concatenate(
        [betas(tumour_of("IDHwt", purity=purity), seed)[-N_SNP:] for seed, purity in ((1, 0.5), (2, 1.0))]
    )
    found = found[~np.isnan(found)]
    assert np.abs(found[:, None] - np.array([0.04, 0.5, 0.96])).min(axis=1).max() < 0.06


def test_some_probes_are_masked_always_some_often_most_seldom():
    masked = np.isnan([betas(tumour_of("IDHwt"), seed) for seed in range(40)]).mean(axis=0)
    assert (masked == 1).sum() > 10
    assert ((masked > 0.15) & (masked < 0.7)).sum() > 50
    assert (masked < 0.1).mean() > 0.9


def test_a_file_has_no_header_and_na_where_masked():
    text = encode_betas(np.array([0.25, np.nan, 4e-5]), ["cg1", "cg2", "rs3"])
    assert text == b"cg1\t0.25\ncg2\tNA\nrs3\t4e-05\n"


def test_betas_lie_between_0_and_1():
    drawn = betas(tumour_of("IDHmut-codel"))
    assert np.nanmin(drawn) > 0
    assert np.nanmax(drawn) < 1
