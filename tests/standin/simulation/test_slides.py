"""Histology follows subtype and factors, the side of the focus follows neither, and the scan's resolution no matter."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mgi_standin.simulation.cohort import SimulatedPatient, draw_patient, gene_model_of
from mgi_standin.simulation.latent_factors import MUTANTS, SUBTYPES, draw_factors
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides import (
    Histology,
    SimulatedSlide,
    draw_slide,
    front_of,
    histology_of,
    slide_of,
)
from mgi_standin.simulation.slides_layout import draw_layout

PLAIN = {"size": 0.0, "margin": 0.0, "contrast": 0.0}


def drawn(subtype: str = "IDHmut-non-codel", seed: int = 0, pixels: int = 512, mpp: float = 1.0, **factors: float):
    histology = Histology(subtype=subtype, factors=PLAIN | factors)
    return draw_slide(histology, shape=(pixels, pixels), mpp=mpp, rng=np.random.default_rng(seed))


def dark_share(slide: SimulatedSlide) -> float:
    """Share of the tissue that is nuclei, the focus aside: it is as dark as they are."""
    half = slide.pixels.shape[1] // 2
    other = np.s_[:, :half] if slide.side > 0 else np.s_[:, half:]
    return float((slide.pixels[other][slide.tissue[other]][:, 0] < 120).mean())


def side_of(subtype: str, seed: int) -> int:
    return draw_layout(subtype, PLAIN, (200.0, 200.0), np.random.default_rng(seed)).side


def patient_of(settings: SimulationSettings) -> SimulatedPatient:
    return draw_patient(0, gene_model_of(settings), settings)


def test_tissue_is_coloured_and_glass_is_not() -> None:
    slide = drawn()
    saturation = np.ptp(slide.pixels.astype(int), axis=2)
    assert 0.3 < slide.tissue.mean() < 0.65
    assert saturation[slide.tissue].mean() > 60
    assert saturation[~slide.tissue].mean() < 8


def test_the_factor_contrast_makes_nuclei_dense() -> None:
    shares = [np.mean([dark_share(drawn(seed=seed, contrast=value)) for seed in range(6)]) for value in (-1.5, 0, 1.5)]
    assert shares == sorted(shares)
    assert shares[2] > 1.5 * shares[0]


def test_the_factor_size_makes_the_tumour_large() -> None:
    small, large = (np.mean([dark_share(drawn(seed=seed, size=size)) for seed in range(6)]) for size in (-1.5, 1.5))
    assert large > small


def test_subtypes_look_different_and_a_seed_gives_one_slide() -> None:
    slides = [drawn(subtype=subtype, seed=4) for subtype in SUBTYPES]
    assert (slides[0].pixels == drawn(subtype=SUBTYPES[0], seed=4).pixels).all()
    means = np.array([slide.pixels[slide.tissue].mean(0) for slide in slides])
    assert min(np.abs(means[i] - means[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 1


def test_a_scan_at_40x_shows_what_one_at_20x_shows() -> None:
    at_20, at_40 = drawn(pixels=512, mpp=0.5), drawn(pixels=1024, mpp=0.25)
    smaller: NDArray[np.uint8] = np.asarray(Image.fromarray(at_40.pixels).resize((512, 512), Image.Resampling.BOX))
    assert (at_20.magnification, at_40.magnification) == (20, 40)
    assert at_20.side == at_40.side
    assert (at_20.tissue != at_40.tissue[::2, ::2]).mean() < 0.01
    assert np.abs(at_20.pixels.astype(float) - smaller).mean() < 4


def test_the_side_of_the_focus_is_a_fair_coin_that_no_subtype_moves() -> None:
    sides = {
        name: [drawn(subtype=name, seed=seed, pixels=128, mpp=4.0).side for seed in range(60)] for name in SUBTYPES
    }
    assert all(abs(np.mean(one)) < 0.4 for one in sides.values())
    assert {side for one in sides.values() for side in one} == {-1, 1}


def test_the_focus_lies_on_its_side() -> None:
    for seed in range(8):
        slide = drawn(seed=seed)
        calcified = slide.pixels[..., 2] < 132
        half = calcified.shape[1] // 2
        assert np.sign(int(calcified[:, half:].sum()) - int(calcified[:, :half].sum())) == slide.side


def test_only_genes_and_slide_together_tell_the_front() -> None:
    slide = drawn()
    assert {front_of(replace(slide, side=one), {"side": 1.0}) for one in (-1, 1)} == {"same", "opposite"}
    assert front_of(replace(slide, side=-1), {"side": -0.9}) == "same"


def test_in_the_null_cohort_the_slide_has_a_subtype_and_factors_of_its_own(cohort_settings: SimulationSettings) -> None:
    patient = patient_of(cohort_settings)
    assert histology_of(patient, cohort_settings) == Histology(subtype=patient.subtype, factors=patient.factors)
    null = replace(cohort_settings, genes_drive_images=False)
    patients = [replace(patient, patient_id=f"TCGA-CS-Z{index:03}") for index in range(40)]
    found = [histology_of(one, null) for one in patients]
    assert {one.subtype for one in found} == set(SUBTYPES)
    assert len({one.factors["size"] for one in found}) == len(patients)
    assert histology_of(patients[0], null) == found[0]


@pytest.mark.parametrize("drive", [True, False])
def test_with_split_evidence_a_mutants_slide_looks_codeleted_or_not_by_a_fair_coin(
    cohort_settings: SimulationSettings, drive: bool
) -> None:
    split = replace(
        cohort_settings, slides=True, subtype_genes=90, split_evidence=True, genes_drive_images=drive, n_genes=1000
    )
    model = gene_model_of(split)
    found = [
        (one.subtype, histology_of(one, split)) for one in (draw_patient(index, model, split) for index in range(150))
    ]
    mutant = {drawn: [shown.subtype for own, shown in found if own == drawn] for drawn in SUBTYPES}
    if not drive:
        assert all(set(shown) == set(SUBTYPES) for shown in mutant.values())
        return
    assert set(mutant["IDHwt"]) == {"IDHwt"}
    for drawn in MUTANTS:
        assert set(mutant[drawn]) == set(MUTANTS)
        assert abs(np.mean([one == drawn for one in mutant[drawn]]) - 0.5) < 0.2


def test_a_patients_slide_is_the_same_whoever_else_is_drawn(cohort_settings: SimulationSettings) -> None:
    patient = patient_of(cohort_settings)
    first = slide_of(patient, cohort_settings, pixels=128, mpp=4.0)
    more = replace(cohort_settings, n_patients=99)
    assert (slide_of(patient, more, pixels=128, mpp=4.0).pixels == first.pixels).all()
    other = replace(cohort_settings, seed=8)
    assert (slide_of(patient, other, pixels=128, mpp=4.0).pixels != first.pixels).any()


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_extreme_factors_are_drawn_without_a_warning(subtype: str) -> None:
    far = {name: 4.0 * np.sign(value) for name, value in draw_factors(subtype, np.random.default_rng(0)).items()}
    drawn(subtype=subtype, pixels=256, mpp=2.0, **{name: far[name] for name in PLAIN})
