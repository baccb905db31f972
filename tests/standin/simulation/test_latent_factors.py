import numpy as np
import pytest

from mgi_standin.simulation.latent_factors import (
    CODELETED,
    FACTORS,
    FEWEST_GENES,
    SUBTYPES,
    draw_factors,
    draw_gene_model,
    express,
    with_subtype,
)

SITES = ["CS", "DU"]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("n_genes", [750, 2000, 5000])
def test_every_factor_has_at_least_a_hundred_genes_of_its_own(n_genes: int) -> None:
    model = draw_gene_model(n_genes, SITES, generator())
    members = [set(np.flatnonzero(model.loadings[name])) for name in FACTORS]
    assert min(len(genes) for genes in members) >= FEWEST_GENES
    assert len(set().union(*members)) == sum(len(genes) for genes in members)


def test_too_few_genes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"500 genes .*750"):
        draw_gene_model(500, SITES, generator())


def test_side_is_never_near_zero_and_both_sides_occur() -> None:
    rng = generator()
    sides = np.array([draw_factors(SUBTYPES[0], rng)["side"] for _ in range(200)])
    assert np.abs(sides).min() >= 0.8
    assert 60 < (sides > 0).sum() < 140


def test_subtypes_differ_in_margin_and_contrast() -> None:
    rng = generator()
    mean = {
        subtype: np.mean([list(draw_factors(subtype, rng).values())[1:] for _ in range(300)], axis=0)
        for subtype in SUBTYPES
    }
    assert mean["IDHmut-codel"][1] > mean["IDHmut-non-codel"][1] + 1.0
    assert mean["IDHwt"][2] > mean["IDHmut-codel"][2] + 0.5


def test_a_factor_moves_its_genes_and_no_others() -> None:
    model = draw_gene_model(1000, SITES, generator())
    nothing = dict.fromkeys(FACTORS, 0.0)
    low = express(model, nothing, "CS", generator(1))
    high = express(model, nothing | {"size": 2.0}, "CS", generator(1))
    np.testing.assert_allclose(high - low, 2.0 * model.loadings["size"], atol=1e-12)


def test_a_site_shifts_some_genes() -> None:
    model = draw_gene_model(1000, SITES, generator())
    moved = (model.site_shifts["CS"] != 0).mean()
    assert 0.05 < moved < 0.15


def test_a_subtype_has_genes_of_its_own_where_asked_and_the_rest_stays_as_it_was() -> None:
    without, model = draw_gene_model(1000, SITES, generator()), draw_gene_model(1000, SITES, generator(), 90)
    np.testing.assert_array_equal(without.baseline, model.baseline)
    for site in SITES:
        np.testing.assert_array_equal(without.site_shifts[site], model.site_shifts[site])
    members = {name: set(np.flatnonzero(loadings)) for name, loadings in model.loadings.items()}
    assert [len(members[name]) for name in SUBTYPES] == [30, 30, 30]
    assert len(set().union(*members.values())) == sum(map(len, members.values()))
    nothing = dict.fromkeys(FACTORS, 0.0)
    assert with_subtype(without, nothing, SUBTYPES[0]) == nothing
    own = express(model, with_subtype(model, nothing, SUBTYPES[0]), "CS", generator(1))
    np.testing.assert_allclose(own - express(model, nothing, "CS", generator(1)), model.loadings[SUBTYPES[0]])


def test_split_evidence_leaves_codeletion_alone_in_the_genes() -> None:
    model = draw_gene_model(1000, SITES, generator(), 90, CODELETED)
    assert np.count_nonzero(model.loadings[SUBTYPES[0]]) == 90
    nothing = dict.fromkeys(FACTORS, 0.0)
    assert [with_subtype(model, nothing, one) != nothing for one in SUBTYPES] == [True, False, False]
    drawn = [draw_factors(one, generator(), split_evidence=True) for one in SUBTYPES]
    assert drawn[0] == drawn[1] == drawn[2]
    assert draw_factors(SUBTYPES[0], generator()) != drawn[0]


def test_more_genes_of_subtypes_than_are_expressed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1000 genes .* and 400 subtype_genes"):
        draw_gene_model(1000, SITES, generator(), 400)
