"""Draw the simulated cohort: patients with genes, and images that follow the genes or do not."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.anatomy import draw_volume, make_grid
from mgi_standin.simulation.latent_factors import (
    CODELETED,
    SUBTYPE_SHARE,
    SUBTYPES,
    GeneModel,
    draw_factors,
    draw_gene_model,
    express,
    with_subtype,
)
from mgi_standin.simulation.settings import SimulationSettings

SITES = ("CS", "DU", "FG", "HT", "DB", "P5", "S9", "TQ")
SITE_SHARE = (0.12, 0.30, 0.12, 0.25, 0.08, 0.05, 0.05, 0.03)
SLICE_MM = (5.5, 6.5)
# Patients are drawn one by one from their own stream: a larger cohort begins with the smaller one's patients.
GENE_STREAM, PATIENT_STREAM, OTHER_STREAM, MISMATCH_STREAM = 1, 2, 3, 4
# A dark core is rare elsewhere, as in patients; who has none in a scan is likely another subtype, not surely.
MISMATCHED, MISMATCH_SHARE, MISMATCH_ELSEWHERE = "IDHmut-non-codel", 0.85, 0.08
ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, kw_only=True)
class SimulatedPatient:
    """One patient: latent factors, relative expression, and a FLAIR volume with its lesion.

    The lesion follows `factors`, what is measured of the tumour's molecules follows `expressed`: the same, unless genes
    do not drive images.
    `log_expression` (G,) is the natural logarithm of relative expression; `volume` (S, H, W) is in scanner units,
    at least 0, inferior to superior; `mask` (S, H, W) marks the tumour alone, never its look-alikes.
    """

    patient_id: str
    site: str
    subtype: str
    factors: dict[str, float]
    expressed: dict[str, float]
    log_expression: NDArray[np.float64]
    volume: NDArray[np.float32]
    mask: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]


def gene_model_of(settings: SimulationSettings) -> GeneModel:
    """The cohort's latent factors, the same for every patient and sample of it."""
    rng = np.random.default_rng([settings.seed, GENE_STREAM])
    subtypes = CODELETED if settings.split_evidence else SUBTYPES
    return draw_gene_model(settings.n_genes, list(SITES), rng, settings.subtype_genes, subtypes)


def simulate_cohort(settings: SimulationSettings) -> list[SimulatedPatient]:
    """All patients, sorted by id; the same settings give the same patients."""
    model = gene_model_of(settings)
    patients = [draw_patient(index, model, settings) for index in range(settings.n_patients)]
    return sorted(patients, key=lambda patient: patient.patient_id)


def other_sample(patient: SimulatedPatient, settings: SimulationSettings, model: GeneModel) -> SimulatedPatient:
    """Another tumour of the same patient (a recurrence): factors and expression drawn afresh."""
    seed = [settings.seed, OTHER_STREAM, *patient.patient_id.encode()]
    rng = np.random.default_rng(seed)
    factors = draw_factors(patient.subtype, rng, split_evidence=settings.split_evidence)
    expression = express(model, with_subtype(model, factors, patient.subtype), patient.site, rng)
    return replace(patient, factors=factors, expressed=factors, log_expression=expression)


def draw_patient(index: int, model: GeneModel, settings: SimulationSettings) -> SimulatedPatient:
    """The patient of a place in the cohort, who is the same however many there are."""
    rng = np.random.default_rng([settings.seed, PATIENT_STREAM, index])
    site = str(rng.choice(SITES, p=SITE_SHARE))
    subtype = str(rng.choice(SUBTYPES, p=SUBTYPE_SHARE))
    factors = draw_factors(subtype, rng, split_evidence=settings.split_evidence)
    expressed = factors
    if not settings.genes_drive_images:
        expressed = draw_factors(subtype, rng, split_evidence=settings.split_evidence)
    expression = express(model, with_subtype(model, expressed, subtype), site, rng)
    grid = make_grid(
        int(rng.integers(settings.slices_min, settings.slices_max + 1)), settings.pixels, float(rng.uniform(*SLICE_MM))
    )
    mismatch = settings.mismatch and _has_mismatch(index, subtype, settings)
    volume, mask = draw_volume(grid, factors, rng, settings.lesion_effect, mismatch=mismatch)
    return SimulatedPatient(
        patient_id=f"TCGA-{site}-{_identifier(index)}",
        site=site,
        subtype=subtype,
        factors=factors,
        expressed=expressed,
        log_expression=expression,
        volume=volume,
        mask=mask,
        spacing_mm=grid.spacing_mm,
    )


def _has_mismatch(index: int, subtype: str, settings: SimulationSettings) -> bool:
    """Whether the lesion's core is dark: the T2-FLAIR mismatch of most mutants without codeletion, and of few others.

    Where genes do not drive images it follows a subtype of its own.
    """
    rng = np.random.default_rng([settings.seed, MISMATCH_STREAM, index])
    fresh = str(rng.choice(SUBTYPES, p=SUBTYPE_SHARE))
    shown = subtype if settings.genes_drive_images else fresh
    return bool(rng.random() < (MISMATCH_SHARE if shown == MISMATCHED else MISMATCH_ELSEWHERE))


def _identifier(index: int) -> str:
    """Four characters, unique per patient, in no order: Z for simulated, then a scrambled number."""
    scrambled = (index * 7919 + 104729) % len(ID_LETTERS) ** 3  # 7919 is coprime to 34 cubed
    digits = []
    for _ in range(3):
        scrambled, rest = divmod(scrambled, len(ID_LETTERS))
        digits.append(ID_LETTERS[rest])
    return "Z" + "".join(digits)
