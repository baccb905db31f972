"""The benchmark of the scan knows which pairs are planted, and counts hits as it says."""

import numpy as np
import pytest


@pytest.fixture
def small(benchmark):
    """A cohort of 30 patients with few genes and pixels."""
    associations = benchmark("associations")

    def drawn(*, genes_drive_images: bool):
        settings = associations.settings_of(30, genes_drive_images=genes_drive_images)
        small = type(settings)(**{**vars(settings), "n_genes": 800, "pixels": 40, "slices_max": 8})
        return associations.drawn(small)

    return associations, drawn


def test_the_settings_are_the_demo_s_but_for_the_number_of_patients(benchmark):
    settings = benchmark("associations").settings_of(7, genes_drive_images=False)
    assert (settings.n_patients, settings.n_genes, settings.genes_drive_images) == (7, 2000, False)


def test_factors_have_genes_of_their_own_and_features_that_exist(small):
    associations, drawn = small
    cohort = drawn(genes_drive_images=True)
    assert set(cohort.members) == set(associations.SHAPES)
    assert set(associations.SHAPES.values()) <= set(cohort.features.names)
    assert np.sum(list(cohort.members.values()), axis=0).max() == 1
    assert (cohort.n, cohort.expression.values.shape) == (30, (30, 800))
    assert np.isfinite(cohort.features.values).all()


def test_found_pairs_are_shares_of_those_planted(small, monkeypatch):
    associations, drawn = small
    cohort = drawn(genes_drive_images=True)
    monkeypatch.setattr(associations, "FDR", 1.0)  # every test is a hit
    rows = {row["name"].split(": ", 1)[1]: row["value"] for row in associations.found_of(cohort, given_subtype=True)}
    tested = cohort.expression.values.std(axis=0) > 0
    for factor, feature in associations.SHAPES.items():
        assert rows[f"found: {factor} with {feature}"] == pytest.approx(tested[cohort.members[factor]].mean())
    of_none = ~np.any(list(cohort.members.values()), axis=0)
    assert rows["hits of genes of no factor"] == pytest.approx(tested[of_none].sum() / tested.sum())


def test_permuted_scans_are_beside_what_chance_allows(small):
    associations, drawn = small
    share, mean, median = associations.chance_of(drawn(genes_drive_images=False), 20)
    assert share["low"] <= share["value"] <= 1
    assert share["high"] == pytest.approx(0.05 + 2 * np.sqrt(0.05 * 0.95 / 20))
    assert mean["value"] == pytest.approx(1, abs=0.2)
    assert median["value"] == pytest.approx(1, abs=0.2)
