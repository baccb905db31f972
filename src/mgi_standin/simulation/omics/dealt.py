"""Which patients lack a kind of data, and who has what needs care: dealt out at random.

Every number of these exceptions is in this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.identifiers import OMICS_DEALT_STREAM, stream_of
from mgi_standin.simulation.settings import OMICS, Omics, SimulationSettings

PRIMARY = "01A"


@dataclass(frozen=True, kw_only=True)
class Dealt:
    """One patient's lot; `samples` are those that were measured, such as "01A", the first of them the usual one."""

    samples: tuple[str, ...] = (PRIMARY,)
    fixed: tuple[str, ...] = ()  # those of the samples that were fixed in formalin
    without: tuple[Omics, ...] = ()
    second_aliquot: bool = False  # two files of the first sample, from two aliquots
    redacted: bool = False  # each of the aliquots was withdrawn
    doubled: bool = False  # the whole genome
    no_variants: bool = False  # a MAF without rows
    hypermutated: bool = False
    old_panel: bool = False  # fewer antibodies


# One patient each, of those with a primary tumour, as far as there are patients.
UNUSUAL: tuple[dict[str, Any], ...] = (
    {"second_aliquot": True},
    {"samples": ("01B",)},  # where RNA has 01A
    {"redacted": True},
    {"hypermutated": True},
)
DOUBLED_SHARE = 0.1  # at least one patient
OLD_PANEL_SHARE = 0.3
NO_VARIANTS_SHARE = 0.1  # of the wild types, who alone may be without a mutation that their subtype has; at least one


def deal(
    subtypes: Mapping[str, str], held: Mapping[str, Availability], settings: SimulationSettings
) -> dict[str, Dealt]:
    """The lots of all patients (patient -> subtype); samples are those of the RNA unless dealt otherwise."""
    lots = {
        patient_id: Dealt(samples=tuple(dict.fromkeys(held[patient_id].samples)) or (PRIMARY,),
                          fixed=held[patient_id].fixed)
        for patient_id in sorted(subtypes)
    }  # fmt: skip
    usual = [one for one in _shuffled(list(lots), "unusual", settings) if lots[one].samples[0] == PRIMARY]
    for patient_id, unusual in zip(usual, UNUSUAL, strict=False):
        lots[patient_id] = replace(lots[patient_id], **unusual)
    wild = [one for one, lot in lots.items() if subtypes[one] == "IDHwt" and not lot.hypermutated]
    marks = (("doubled", list(lots), DOUBLED_SHARE), ("no_variants", wild, NO_VARIANTS_SHARE))
    for mark, among, share in (*marks, ("old_panel", list(lots), OLD_PANEL_SHARE)):
        for patient_id in _shuffled(among, mark, settings)[: max(1, round(share * len(among)))]:
            marked: dict[str, Any] = {mark: True}
            lots[patient_id] = replace(lots[patient_id], **marked)
    for name in OMICS:
        share = settings.missing.get(name, 0.0)
        for patient_id in _shuffled(list(lots), f"without {name}", settings)[: round(share * len(lots))]:
            lots[patient_id] = replace(lots[patient_id], without=(*lots[patient_id].without, name))
    return lots


def _shuffled(patient_ids: list[str], what: str, settings: SimulationSettings) -> list[str]:
    """The patients in the order of a stream of its own: one lot says nothing of another."""
    order = stream_of(settings, OMICS_DEALT_STREAM, what).permutation(len(patient_ids))
    return [patient_ids[place] for place in order]
