"""What the two archives hold on each patient: mostly everything, and one case of every known exception.

Every number of the exceptions is in this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mgi_standin.simulation.settings import IMAGES, Missing

InstanceOrder = Literal["up", "down", "shuffled"]
Annotation = Literal["flagged", "redacted", "observed"]


@dataclass(frozen=True, kw_only=True)
class Availability:
    """One patient's samples (one entry per sequenced aliquot, such as "01A") and imaging."""

    samples: tuple[str, ...] = ("01A",)
    fixed: tuple[str, ...] = ()  # those of the samples that were fixed in formalin
    controlled_aliquot: bool = False  # one more primary aliquot, that only authorised users may read
    superseded: bool = False  # an older version of the file exists
    annotation: Annotation | None = None
    images: Literal["public", "restricted", "none"] = "public"
    has_flair: bool = True
    has_mask: bool = True
    mask_on_t1_grid: bool = False
    second_study: bool = False
    duplicated_slice: bool = False
    tilted: bool = False
    run_length_encoded: bool = False
    rescale_tags: bool = True
    instance_order: InstanceOrder = "up"
    has_slides: bool = True


# Patients that cannot be used, the most instructive first; a small cohort gets the head of the list.
INCOMPLETE = (
    Availability(samples=()),
    Availability(images="none"),
    Availability(has_mask=False),
    Availability(samples=("02A",)),
    Availability(annotation="flagged"),
    Availability(has_flair=False, has_mask=False),
    Availability(samples=()),
    Availability(images="restricted"),
    Availability(annotation="redacted"),
    Availability(samples=()),
)
SMALLEST_COHORT_PER_INCOMPLETE = 4

# Complete patients whose RNA needs a choice; one patient each, as far as there are patients.
UNUSUAL_RNA = (
    Availability(samples=("01A", "02A", "02B")),
    Availability(samples=("01A", "02A")),
    Availability(samples=("01B",), fixed=("01B",)),
    Availability(samples=("01A", "01A")),
    Availability(controlled_aliquot=True),
    Availability(superseded=True),
    Availability(annotation="observed"),
    Availability(samples=("01A", "02A", "02B")),
    Availability(samples=("01A", "02A")),
    Availability(samples=("01A", "02A")),
    Availability(samples=("01A", "02A")),
    Availability(superseded=True),
    Availability(samples=("01A", "01B"), fixed=("01B",)),
)

# Shares of the complete patients with unusual images; at least one patient each.
UNUSUAL_IMAGES: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.10, {"mask_on_t1_grid": True}),
    (0.12, {"second_study": True}),
    (0.25, {"tilted": True}),
    (0.04, {"run_length_encoded": True}),
    (0.04, {"rescale_tags": False}),
    (0.0, {"duplicated_slice": True}),
    (0.20, {"instance_order": "down"}),
    (0.10, {"instance_order": "shuffled"}),
)


def without_images(
    held: dict[str, Availability], missing: Mapping[Missing, float], rng: np.random.Generator
) -> dict[str, Availability]:
    """The same, with a share of all patients who lack scans, and of others who lack slides: nobody lacks both so."""
    names = sorted(held)
    scans, slides = (round(missing.get(name, 0.0) * len(names)) for name in IMAGES)
    shuffled = [names[index] for index in rng.permutation(len(names))]
    changed = {name: replace(held[name], images="none") for name in shuffled[:scans]}
    changed |= {name: replace(held[name], has_slides=False) for name in shuffled[scans : scans + slides]}
    return held | changed


def draw_availability(patient_ids: list[str], rng: np.random.Generator) -> dict[str, Availability]:
    """Deal out the exceptions at random: patient -> what is available, for all patients."""
    shuffled = [patient_ids[index] for index in rng.permutation(len(patient_ids))]
    n_incomplete = min(len(INCOMPLETE), len(shuffled) // SMALLEST_COHORT_PER_INCOMPLETE)
    held = dict(zip(shuffled[:n_incomplete], INCOMPLETE, strict=False))
    complete = shuffled[n_incomplete:]
    held |= {patient_id: Availability() for patient_id in complete}
    held |= dict(zip(complete, UNUSUAL_RNA, strict=False))

    for share, unusual in UNUSUAL_IMAGES:
        count = max(1, round(share * len(complete)))
        for index in rng.choice(len(complete), count, replace=False):
            held[complete[index]] = replace(held[complete[index]], **unusual)
    return {patient_id: held[patient_id] for patient_id in sorted(held)}
