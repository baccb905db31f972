import numpy as np
import pytest

from mgi.modalities.methylation.selection import CONTROL, SEX, SNP, drop_reasons, m_values, moments_of
from mgi.modalities.methylation.settings import MethylationFitSettings

MISSING = "missing in more than 10% of training patients"


def test_m_values_are_those_worked_by_hand() -> None:
    betas = np.array([[0.0, 0.5, 1.0, np.nan, 0.25]], np.float32)
    expected = [np.log2(0.01 / 1.01), 0.0, np.log2(1.01 / 0.01), np.nan, np.log2(0.26 / 0.76)]
    np.testing.assert_allclose(m_values(betas)[0], np.float32(expected), rtol=1e-5)


def test_moments_in_blocks_are_numpys_of_all_rows() -> None:
    rng = np.random.default_rng(1)
    betas = rng.beta(0.5, 0.5, (70, 30)).astype(np.float32)
    betas[rng.random(betas.shape) < 0.1] = np.nan
    found = moments_of(np.split(betas, [32, 64]), 30)
    every = m_values(betas).astype(np.float64)
    np.testing.assert_allclose(found.mean, np.nanmean(every, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, np.nanvar(every, axis=0), rtol=1e-12)


def test_the_most_variable_stay_among_those_that_nothing_speaks_against() -> None:
    spread = {
        "cg1": 0.1, "cg2": 0.4, "ctl_3": 0.45, "rs4": 0.45, "cg5": 0.45, "cg6": 0.3, "cg7": 0.45, "cg8": 0.0, "rs": 0.4,
    }  # fmt: skip
    rows = np.linspace(-1, 1, 20)[:, None]
    betas = (0.5 + rows * np.array(list(spread.values()))).astype(np.float32)
    betas[:3, 6] = np.nan  # 15 % of cg7
    betas[:2, 1] = np.nan  # 10 % of cg2, which is not more than that
    chromosomes = [None] * 4 + ["chrX"] + ["X_alt", "1", None, "Y"]
    reasons = drop_reasons(moments_of([betas], 9), list(spread), chromosomes, MethylationFitSettings(top_k=2))
    assert reasons == [
        "not among the 2 most variable in training", None, CONTROL, SNP, SEX, None, MISSING,
        "zero variance in training", SNP,
    ]  # fmt: skip
    settings = MethylationFitSettings(top_k=1, sex_chromosomes=True)
    assert drop_reasons(moments_of([betas], 9), list(spread), chromosomes, settings)[4] is None


@pytest.mark.parametrize("top_k", [1, 7, 500])
def test_the_choice_is_that_of_a_plain_sort(top_k: int) -> None:
    rng = np.random.default_rng(3)
    betas = rng.beta(0.5, 0.5, (40, 300)).astype(np.float32)
    reasons = drop_reasons(
        moments_of([betas], 300), [f"cg{n}" for n in range(300)], [None] * 300, MethylationFitSettings(top_k=top_k)
    )
    kept = [row for row, reason in enumerate(reasons) if reason is None]
    plain = np.argsort(-m_values(betas).astype(np.float64).var(axis=0))[:top_k]
    assert kept == sorted(plain.tolist())


def test_another_patients_values_change_nothing_but_through_training() -> None:
    rng = np.random.default_rng(4)
    betas = rng.beta(0.5, 0.5, (40, 100)).astype(np.float32)
    names = [f"cg{n}" for n in range(100)]
    of = [
        drop_reasons(moments_of([rows], 100), names, [None] * 100, MethylationFitSettings(top_k=10))
        for rows in (betas, betas[::-1])
    ]
    assert of[0] == of[1]
