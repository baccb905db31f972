"""Which patients have which modalities, and why the others have not."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgi.cohort.presence import Offer, Presence, presence_of
from mgi.cohort.sites import sites_of
from mgi.core.errors import BadInputError
from mgi.locks.item import Item

KEPT, DROPPED = "kept", "dropped"
EXCLUDED = "excluded by the configuration"


@dataclass(frozen=True, kw_only=True)
class CohortRow:
    """One patient that a source knows, with what there is of each modality by its name.

    `reason` is None if kept: all required modalities are there with their companions. Where several reasons apply it is
    the first in the order of modalities; `notes` has the rest, together with the items that were not chosen.
    """

    patient_id: str
    site: str
    reason: str | None
    modalities: Mapping[str, Presence]
    notes: str
    simulated: bool

    @property
    def status(self) -> str:
        """Kept or dropped."""
        return KEPT if self.reason is None else DROPPED


def pair_patients(
    offers: Sequence[Offer],
    *,
    required: Collection[str] | None = None,
    exclude: Collection[str] = (),
    sites: Path | None = None,
) -> list[CohortRow]:
    """One row per patient of any lock, sorted; `required` are the modalities that every run needs, all unless given."""
    items = {offer.modality: _by_patient(offer.lock.items) for offer in offers}
    patients = sorted({patient for grouped in items.values() for patient in grouped})
    if unknown := sorted(set(exclude) - set(patients)):
        raise BadInputError(f"exclude: {unknown[0]} is in no lock; expected patients of the cohort")
    needed = items.keys() if required is None else set(required)
    if strange := sorted(needed - items.keys()):
        raise BadInputError(f"required: {strange[0]} has no lock; expected some of {', '.join(items)}")
    site_of = sites_of(patients, sites)
    simulated = any(offer.lock.simulated for offer in offers)
    rows = []
    for patient in patients:
        found = {one.modality: presence_of(patient, items[one.modality].get(patient, []), one) for one in offers}
        lacking = [reason for name, one in found.items() if name in needed for reason in one.reasons]
        reasons = [*([EXCLUDED] if patient in exclude else []), *lacking]
        told = [note for one in found.values() for note in one.notes]
        told += [note for one in found.values() for companion in one.companions.values() for note in companion.notes]
        rows.append(
            CohortRow(
                patient_id=patient,
                site=site_of[patient],
                reason=reasons[0] if reasons else None,
                modalities=found,
                notes="; ".join([*reasons[1:], *told]),
                simulated=simulated,
            )
        )
    return rows


def _by_patient(items: Sequence[Item]) -> dict[str, list[Item]]:
    grouped = defaultdict(list)
    for item in sorted(items, key=lambda item: (item.patient_id, item.key)):
        grouped[item.patient_id].append(item)
    return grouped
