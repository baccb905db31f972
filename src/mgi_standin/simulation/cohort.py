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
GENE_STREAM, PATIENT_STREAM, OTHER_STREAM, IMAGE_STREAM = 1, 2, 3, 4
# A dark core is rare elsewhere, as in patients; who has none in a scan is likely another subtype, not surely.
MISMATCHED, MISMATCH_SHARE, MISMATCH_ELSEWHERE = "IDHmut-non-codel", 0.85, 0.08
ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, kw_only=True)
class Latent:
    """What a patient's files follow: hospital, subtype, the lesion's factors, those expressed, and a dark core or none.

    Expression and labels follow `subtype` and `expressed`, the lesion follows `factors`. The two sets of factors are
    one, unless genes do not drive images: then the lesion's, and its core, are drawn from a subtype of its own.
    """

    site: str
    subtype: str
    factors: dict[str, float]
    expressed: dict[str, float]
    mismatch: bool


@dataclass(frozen=True, kw_only=True)
class SimulatedPatient:
    """One patient: what the files follow (see Latent), relative expression, and a FLAIR volume with its lesion.

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


def patient_stream(index: int, settings: SimulationSettings) -> np.random.Generator:
    """The random numbers of the patient of a place in the cohort, from the first on."""
    return np.random.default_rng([settings.seed, PATIENT_STREAM, index])


def draw_latent(index: int, settings: SimulationSettings, rng: np.random.Generator) -> Latent:
    """What a patient's files follow: the first numbers of the patient's stream."""
    site = str(rng.choice(SITES, p=SITE_SHARE))
    subtype = str(rng.choice(SUBTYPES, p=SUBTYPE_SHARE))
    image_rng = np.random.default_rng([settings.seed, IMAGE_STREAM, index])
    fresh = str(image_rng.choice(SUBTYPES, p=SUBTYPE_SHARE))
    shown = subtype if settings.genes_drive_images else fresh
    factors = draw_factors(shown, rng, split_evidence=settings.split_evidence)
    expressed = factors
    if not settings.genes_drive_images:
        expressed = draw_factors(subtype, rng, split_evidence=settings.split_evidence)
    share = MISMATCH_SHARE if shown == MISMATCHED else MISMATCH_ELSEWHERE
    mismatch = settings.mismatch and bool(image_rng.random() < share)
    return Latent(site=site, subtype=subtype, factors=factors, expressed=expressed, mismatch=mismatch)


def draw_patient(index: int, model: GeneModel, settings: SimulationSettings) -> SimulatedPatient:
    """The patient of a place in the cohort, who is the same however many there are."""
    rng = patient_stream(index, settings)
    latent = draw_latent(index, settings, rng)
    expression = express(model, with_subtype(model, latent.expressed, latent.subtype), latent.site, rng)
    grid = make_grid(
        int(rng.integers(settings.slices_min, settings.slices_max + 1)), settings.pixels, float(rng.uniform(*SLICE_MM))
    )
    volume, mask = draw_volume(grid, latent.factors, rng, settings.lesion_effect, mismatch=latent.mismatch)
    return SimulatedPatient(
        patient_id=patient_id_of(index, latent.site),
        site=latent.site,
        subtype=latent.subtype,
        factors=latent.factors,
        expressed=latent.expressed,
        log_expression=expression,
        volume=volume,
        mask=mask,
        spacing_mm=grid.spacing_mm,
    )


def patient_id_of(index: int, site: str) -> str:
    """The barcode of the patient of a place in the cohort."""
    return f"TCGA-{site}-{_identifier(index)}"


def _identifier(index: int) -> str:
    """Four characters, unique per patient, in no order: Z for simulated, then a scrambled number."""
    scrambled = (index * 7919 + 104729) % len(ID_LETTERS) ** 3  # 7919 is coprime to 34 cubed
    digits = []
    for _ in range(3):
        scrambled, rest = divmod(scrambled, len(ID_LETTERS))
        digits.append(ID_LETTERS[rest])
    return "Z" + "".join(digits)
