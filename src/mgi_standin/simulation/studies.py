"""A patient's imaging studies before they become files: FLAIR, its distractors, and the mask.

The names of series are those seen in TCGA-LGG on TCIA; several T1 series bear FLAIR in theirs.
"""

import datetime
from dataclasses import replace

import numpy as np

from mgi_standin.simulation.availability import Availability, InstanceOrder
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.distractors import draw_distractors
from mgi_standin.simulation.identifiers import uid_of
from mgi_standin.simulation.series import (
    AXIAL,
    Axes,
    MaskSeries,
    Placement,
    Series,
    Study,
    Weighting,
    resample_mask,
    tilt,
)

FLAIR_NAMES = (
    *["AXIAL FLAIR"] * 10,
    *["T2 AX FLAIR"] * 3,
    *["Ax FLAIR 2.5mm for surgery"] * 2,
    "Ax Flair irFSE H",
    "FLAIRLongTR",
    "BRAIN_STRYKER/FLAIR",
    "RA ROUTINE FLAIR AX",
    "AXIAL FLAIR RF2  150",
)
STUDY_NAMES = ("MRI BRAIN WWO CONTRAST", "MRI BRAIN SPECTROSCOPY", "TUMOR VOL.- WAND", "BRAIN")
VENDORS = (("GE MEDICAL SYSTEMS", "GENESIS_SIGNA"), ("SIEMENS", "Symphony"), ("Philips Medical Systems", "Intera"))
FIRST_DAY, LAST_DAY = datetime.date(1994, 1, 1), datetime.date(2008, 12, 31)
LARGEST_STORED = 4095  # 12 bits
SLOPES, SLOPE_SHARE = (1.0, 0.5, 2.0), (0.7, 0.15, 0.15)
LARGEST_TILT_DEGREES = 8.0


def plan_studies(patient: SimulatedPatient, held: Availability, key: str, rng: np.random.Generator) -> list[Study]:
    """The studies of a patient in order of date; the first holds the FLAIR on which the mask was drawn."""
    axes = _axes(held, rng)
    first_day = FIRST_DAY + datetime.timedelta(days=int(rng.integers((LAST_DAY - FIRST_DAY).days)))
    study = Study(
        uid=uid_of(key, patient.patient_id, "study-1"),
        frame_uid=uid_of(key, patient.patient_id, "frame-1"),
        patient_id=patient.patient_id,
        sex=str(rng.choice(("F", "M"))),
        age_years=int(rng.integers(22, 75)),
        date=first_day,
        description=str(rng.choice(STUDY_NAMES)),
        vendor=VENDORS[rng.integers(len(VENDORS))],
        series=(),
        mask=None,
    )
    flair = _flair(patient, held, study.uid, axes, rng)
    distractors = draw_distractors(flair, held, study.uid, rng)
    first = replace(study, series=((flair, *distractors) if held.has_flair else distractors))
    if held.has_mask:
        first = replace(first, mask=_mask(patient, held, flair, distractors[0], rng))
    if not held.second_study:
        return [first]
    return [first, _second_study(patient, held, study, axes, rng)]


def _axes(held: Availability, rng: np.random.Generator) -> Axes:
    angles = rng.uniform(2.0, LARGEST_TILT_DEGREES, 2) * rng.choice((-1, 1), 2)
    return tilt(AXIAL, angles[0], angles[1] / 2) if held.tilted else AXIAL


def _flair(
    patient: SimulatedPatient, held: Availability, study_uid: str, axes: Axes, rng: np.random.Generator
) -> Series:
    slope = float(rng.choice(SLOPES, p=SLOPE_SHARE)) if held.rescale_tags else None
    n_slices = len(patient.volume)
    slices = (*range(n_slices), n_slices // 2) if held.duplicated_slice else tuple(range(n_slices))
    return Series(
        uid=uid_of(study_uid, "flair"),
        number=int(rng.integers(5, 8)),
        description=str(rng.choice(FLAIR_NAMES)),
        image_type=("ORIGINAL", "PRIMARY", "OTHER"),
        weighting=Weighting(
            echo_ms=round(rng.uniform(90, 140), 1), repetition_ms=9000.0, inversion_ms=float(rng.integers(2200, 2501))
        ),
        placement=Placement(
            shape=(n_slices, *patient.volume.shape[1:]),
            spacing_mm=patient.spacing_mm,
            axes=axes,
            centre_mm=np.round(rng.normal(0, 8, 3), 3),
        ),
        stored=np.clip(np.rint(patient.volume / (slope or 1.0)), 0, LARGEST_STORED).astype(np.uint16),
        slope=slope,
        run_length_encoded=held.run_length_encoded,
        slices=slices,
        instance_numbers=_instance_numbers(n_slices, len(slices), held.instance_order, rng),
    )


def _instance_numbers(n_slices: int, n_images: int, order: InstanceOrder, rng: np.random.Generator) -> tuple[int, ...]:
    numbers = np.arange(1, n_slices + 1)
    if order == "down":
        numbers = numbers[::-1]
    if order == "shuffled":
        numbers = rng.permutation(numbers)
    return (*numbers.tolist(), *range(n_slices + 1, n_images + 1))


def _mask(
    patient: SimulatedPatient, held: Availability, flair: Series, t1: Series, rng: np.random.Generator
) -> MaskSeries:
    source, mask = flair, patient.mask
    if held.mask_on_t1_grid:
        source = t1
        mask = resample_mask(patient.mask, flair.placement, source.placement)
    # A volume of one or two slices can miss the tumour: the segmentation then has a frame that marks nothing.
    tumour = np.flatnonzero(mask.any(axis=(1, 2))) if mask.any() else np.array([len(mask) // 2])
    margin = int(rng.integers(0, 2))  # some segmentations keep an empty frame beside the tumour
    framed = range(max(0, tumour[0] - margin), min(len(mask), tumour[-1] + margin + 1))
    return MaskSeries(
        uid=uid_of(source.uid, "segmentation"),
        number=1000,
        description=f"{source.description} Glioma Segmentation",
        source=source,
        mask=mask,
        slices=tuple(reversed(framed)) if held.instance_order == "down" else tuple(framed),
    )


def _second_study(
    patient: SimulatedPatient, held: Availability, first: Study, axes: Axes, rng: np.random.Generator
) -> Study:
    """A later visit without a mask; its FLAIR is the first one mirrored, so that using it is a visible mistake."""
    uid = uid_of(first.uid, "study-2")
    mirrored = replace(patient, volume=patient.volume[:, :, ::-1], mask=patient.mask[:, :, ::-1])
    flair = _flair(mirrored, replace(held, duplicated_slice=False), uid, axes, rng)
    return replace(
        first,
        uid=uid,
        frame_uid=uid_of(uid, "frame"),
        date=first.date + datetime.timedelta(days=int(rng.integers(60, 500))),
        series=(flair, draw_distractors(flair, replace(held, mask_on_t1_grid=False), uid, rng)[0]),
    )
