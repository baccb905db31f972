"""What the GDC holds of each patient beside expression: who lacks a modality, and one patient of every known exception.

The exceptions are assigned at random. All their numbers are in this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.identifiers import OMICS_AVAILABILITY_STREAM, stream_of
from mgi_standin.simulation.settings import OMICS, Omics, SimulationSettings

PRIMARY = "01A"


@dataclass(frozen=True, kw_only=True)
class OmicsAvailability:
    """One patient's samples (such as "01A", the preferred one first), missing modalities and peculiarities."""

    samples: tuple[str, ...] = (PRIMARY,)
    fixed: tuple[str, ...] = ()  # those of the samples that were fixed in formalin
    without: tuple[Omics, ...] = ()
    second_aliquot: bool = False  # the first sample has two files, from two aliquots
    redacted: bool = False  # every aliquot is withdrawn by an annotation
    genome_doubled: bool = False
    no_variants: bool = False  # the MAF has no rows
    hypermutated: bool = False
    old_panel: bool = False  # proteins were measured with fewer antibodies


# One patient each, of those with a primary tumour, as far as there are patients.
UNUSUAL: tuple[dict[str, Any], ...] = (
    {"second_aliquot": True},
    {"samples": ("01B",)},  # RNA is from 01A
    {"redacted": True},
    {"hypermutated": True},
)
# Shares of patients; at least one patient each.
GENOME_DOUBLED_SHARE = 0.1
OLD_PANEL_SHARE = 0.3
NO_VARIANTS_SHARE = 0.1  # of the IDH wild types: no other subtype can be without a mutation


def draw_omics_availability(
    subtypes: Mapping[str, str], held: Mapping[str, Availability], settings: SimulationSettings
) -> dict[str, OmicsAvailability]:
    """Assign the exceptions: patient -> what is available, for all patients of `subtypes` (patient -> subtype).

    `held` is what the archives hold of expression and images; samples are those of the expression by default.
    """
    drawn = {patient_id: _as_expression(held[patient_id]) for patient_id in sorted(subtypes)}
    usual = [one for one in _shuffled(list(drawn), "unusual", settings) if drawn[one].samples[0] == PRIMARY]
    for patient_id, unusual in zip(usual, UNUSUAL, strict=False):
        drawn[patient_id] = replace(drawn[patient_id], **unusual)
    wild = [one for one, available in drawn.items() if subtypes[one] == "IDHwt" and not available.hypermutated]
    marks = (
        ("genome_doubled", list(drawn), GENOME_DOUBLED_SHARE),
        ("old_panel", list(drawn), OLD_PANEL_SHARE),
        ("no_variants", wild, NO_VARIANTS_SHARE),
    )
    for mark, among, share in marks:
        for patient_id in _shuffled(among, mark, settings)[: max(1, round(share * len(among)))]:
            marked: dict[str, Any] = {mark: True}
            drawn[patient_id] = replace(drawn[patient_id], **marked)
    for name in OMICS:
        count = round(settings.missing.get(name, 0.0) * len(drawn))
        for patient_id in _shuffled(list(drawn), f"without {name}", settings)[:count]:
            drawn[patient_id] = replace(drawn[patient_id], without=(*drawn[patient_id].without, name))
    return drawn


def _as_expression(held: Availability) -> OmicsAvailability:
    """The samples of the expression, once each; a primary tumour where there is no expression."""
    return OmicsAvailability(samples=tuple(dict.fromkeys(held.samples)) or (PRIMARY,), fixed=held.fixed)


def _shuffled(patient_ids: list[str], what: str, settings: SimulationSettings) -> list[str]:
    """The patients in random order, from a stream of its own: exceptions are independent of one another."""
    order = stream_of(settings, OMICS_AVAILABILITY_STREAM, what).permutation(len(patient_ids))
    return [patient_ids[place] for place in order]
