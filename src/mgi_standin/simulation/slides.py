"""Draw a slide of one patient, stained like haematoxylin and eosin, whose histology follows subtype and factors.

Two things are told by slide and genes together alone. A calcified focus lies left or right, by a fair coin: with the
genes' `side` it makes a class (see `front_of`). With `split_evidence` a mutant tumour looks codeleted or not by a fair
coin too, as oligoastrocytomas do: the slide tells wild types, and codeletion the genes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.identifiers import stream_of
from mgi_standin.simulation.latent_factors import MUTANTS, SUBTYPE_SHARE, SUBTYPES, draw_factors
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides_cells import add_nuclei, draw_nuclei
from mgi_standin.simulation.slides_layout import Layout, draw_layout, smooth_noise
from mgi_standin.simulation.slides_stain import CALCIUM, EOSIN, HAEMATOXYLIN, stained

PIXELS, MPP = 1024, 0.5
# Numbers that omics have too, whose streams have other names: none is of a patient alone, or of a slide.
SLIDE_STREAM, FRESH_STREAM, LOOK_STREAM = 17, 18, 21
EOSIN_OF_TISSUE, HAEMATOXYLIN_OF_TISSUE = 0.24, 0.05
SAME, OPPOSITE = "same", "opposite"


@dataclass(frozen=True, kw_only=True)
class Histology:
    """What a slide shows: a subtype and the factors `size`, `margin` and `contrast`."""

    subtype: str
    factors: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class SimulatedSlide:
    """Pixels (H, W, 3) of `mpp` micrometres, the true tissue (H, W), and the side of the focus (-1 left, +1 right)."""

    pixels: NDArray[np.uint8]
    tissue: NDArray[np.bool_]
    mpp: float
    side: int

    @property
    def magnification(self) -> int:
        """Of the objective: 20 at half a micrometre a pixel, 40 at a quarter."""
        return round(10 / self.mpp)


def slide_of(
    patient: SimulatedPatient, settings: SimulationSettings, *, pixels: int = PIXELS, mpp: float = MPP
) -> SimulatedSlide:
    """The patient's diagnostic slide; the same tissue at any `mpp` where `pixels` times `mpp` is the same."""
    return draw_slide(
        histology_of(patient, settings),
        shape=(pixels, pixels),
        mpp=mpp,
        rng=stream_of(settings, SLIDE_STREAM, patient.patient_id),
    )


def further_slide_of(
    patient: SimulatedPatient, settings: SimulationSettings, label: str, side: int, pixels: int
) -> SimulatedSlide:
    """Another section of the patient's tumour, called `label` (DX2, TS1), whose focus is on the same `side`."""
    return draw_slide(
        histology_of(patient, settings),
        shape=(pixels, pixels),
        mpp=MPP,
        rng=stream_of(settings, SLIDE_STREAM, f"{patient.patient_id}/{label}"),
        side=side,
    )


def histology_of(patient: SimulatedPatient, settings: SimulationSettings) -> Histology:
    """What the patient's slide follows: the patient, or a subtype and factors of its own in the null cohort.

    There even the subtype is drawn afresh: genes follow it too, and histology would tell genes by it. With split
    evidence a mutant's subtype is that which it looks like.
    """
    subtype, factors = patient.subtype, patient.factors
    if not settings.genes_drive_images:
        rng = stream_of(settings, FRESH_STREAM, patient.patient_id)
        subtype = str(rng.choice(SUBTYPES, p=SUBTYPE_SHARE))
        factors = draw_factors(subtype, rng, split_evidence=settings.split_evidence)
    if settings.split_evidence and subtype in MUTANTS:
        subtype = str(stream_of(settings, LOOK_STREAM, patient.patient_id).choice(MUTANTS))
    return Histology(subtype=subtype, factors=factors)


def front_of(slide: SimulatedSlide, factors: Mapping[str, float]) -> str:
    """The class that only slide and genes together tell: is the focus on the side that the factor `side` names?"""
    return SAME if slide.side * factors["side"] > 0 else OPPOSITE


def draw_slide(
    histology: Histology, *, shape: tuple[int, int], mpp: float, rng: np.random.Generator, side: int | None = None
) -> SimulatedSlide:
    """Draw a slide of `shape` (rows, columns) pixels; the sensor's noise alone, drawn last, knows the pixels."""
    extent_um = (shape[0] * mpp, shape[1] * mpp)
    layout = draw_layout(histology.subtype, histology.factors, extent_um, rng, side)
    fibres = smooth_noise(layout.tissue.shape, 0.8, rng)
    clouds = smooth_noise(layout.tissue.shape, 6.0, rng)
    dye = np.exp(rng.normal(0, 0.08, 2))  # how long the slide lay in each stain
    nuclei = draw_nuclei(layout, histology.subtype, rng)

    tissue = _scanned(layout.tissue, shape) > 0
    pink = np.clip(1.0 + 0.22 * fibres + 0.10 * clouds + 0.5 * layout.necrosis, 0.35, None)
    eosin = EOSIN_OF_TISSUE * _scanned(pink, shape) * tissue
    blue = HAEMATOXYLIN_OF_TISSUE * tissue.astype(np.float32)
    add_nuclei(blue, eosin, nuclei, mpp)
    stains = {
        HAEMATOXYLIN: np.float32(dye[0]) * blue * tissue,
        EOSIN: np.float32(dye[1]) * eosin,
        CALCIUM: _calcium(layout, shape) * tissue,
    }
    return SimulatedSlide(pixels=stained(stains, rng), tissue=tissue, mpp=mpp, side=layout.side)


def _calcium(layout: Layout, shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.float32(0.55) * _scanned(layout.focus, shape)


def _scanned(field: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float32]:
    """A map of the lattice at the scan's pixels (H, W), by linear interpolation."""
    image = Image.fromarray(field.astype(np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR), np.float32)
