"""Which patients have which modalities, and why the others have not."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from mgi.cohort.two_columns import read_two_columns
from mgi.core.errors import BadInputError
from mgi.core.ids import barcode_of, named_patient, patient_id_of
from mgi.locks.item import Item
from mgi.locks.lock import Lock
from mgi.locks.raw_index import RawEntry
from mgi.locks.runners_up import Fits, candidates_of, companions_of, in_place_of, settled


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A modality's lock and what was fetched of it, by key.

    `companions` are the roles that a run needs beside the chosen item (a mask), `is_image` tells pictures from tables.
    `absent` says why a patient has nothing that is chosen, `note` what to tell of an item that is not, if anything,
    `told` what to tell of the one that serves, `fits` whether two items are of one visit (see locks.runners_up).
    """

    lock: Lock
    raw: Mapping[str, RawEntry]
    absent: Callable[[Sequence[Item]], str]
    note: Callable[[Item], str | None]
    companions: tuple[str, ...] = ()
    is_image: bool = False
    told: Callable[[Item], str | None] = lambda item: None
    fits: Fits = lambda one, other: True

    @property
    def modality(self) -> str:
        """Its name."""
        return self.lock.modality


@dataclass(frozen=True, kw_only=True)
class Presence:
    """What one patient has of a modality; `reason` is None where it is there and `key` where it is not.

    `companions` has for each role the keys of separate items and whether there is one at all.
    """

    reason: str | None
    key: str | None
    companions: Mapping[str, "Companion"]
    notes: tuple[str, ...]

    @property
    def present(self) -> bool:
        """Whether there is an item that can serve."""
        return self.key is not None

    @property
    def reasons(self) -> list[str]:
        """Why it is not complete; without the item itself a missing companion is no news."""
        if self.reason is not None:
            return [self.reason]
        return [f"no {role}" for role, companion in self.companions.items() if not companion.present]


@dataclass(frozen=True, kw_only=True)
class Companion:
    """What comes with an item: in it, or as items of its own with these keys."""

    present: bool
    keys: tuple[str, ...]
    notes: tuple[str, ...]


def presence_of(patient: str, items: Sequence[Item], offer: Offer) -> Presence:
    """What a patient's items of one modality amount to."""
    name = offer.modality
    main = [item for item in items if item.role == name and item.chosen]
    if len(main) > 1:
        raise BadInputError(f"{patient}: {len(main)} chosen items of {name}, expected at most one")
    served, reason = (None, offer.absent(items)) if not main else _served(main[0], items, offer)
    others = [item for item in items if not item.chosen and item is not served]
    notes = [f"{note}: {_fate(item, offer)}" for item in others if (note := offer.note(item)) is not None]
    if served is not None:
        doubts = _fetched(served, offer).doubts
        told = offer.told(served)
        notes = [*([told] if told else []), *([f"{served.key}: {'; '.join(doubts)}"] if doubts else []), *notes]
        if served is not main[0]:
            notes.insert(0, in_place_of(served, _fetched(main[0], offer)))
    return Presence(
        reason=reason,
        key=None if served is None else served.key,
        companions={role: _companion(role, items, served, offer) for role in offer.companions},
        notes=tuple(notes),
    )


def present_of(offer: Offer, chosen: Callable[[str], bool]) -> dict[str, Presence]:
    """What those patients have who have the modality and of whom `chosen` is true, by id; the cohort says the same."""
    offered = _by_patient(offer.lock.items)
    found = {patient: presence_of(patient, items, offer) for patient, items in offered.items() if chosen(patient)}
    return {patient: one for patient, one in found.items() if one.present}


def _served(chosen: Item, items: Sequence[Item], offer: Offer) -> tuple[Item | None, str | None]:
    """The chosen item or the runner-up that serves in its place; without any, why the chosen one does not."""
    rejected = _fetched(chosen, offer).rejected
    served, following = settled(candidates_of(chosen, items), offer.raw, offer.fits)
    if following is not None:
        _fetched(following, offer)
    return served, None if served is not None else f"{offer.modality} rejected: {rejected}"


def _fate(item: Item, offer: Offer) -> str:
    """Why an item is not used: what its fetch found, where it was tried, else what the lock says."""
    entry = offer.raw.get(item.key)
    return item.reason if entry is None or entry.rejected is None else f"rejected: {entry.rejected}"


def _companion(role: str, items: Sequence[Item], chosen: Item | None, offer: Offer) -> Companion:
    if chosen is None or chosen.chosen:
        own = [item for item in items if item.role == role and item.chosen]
    else:
        own = companions_of(chosen, items, [role], offer.fits)
    fetched = [_fetched(item, offer) for item in own]
    keys = tuple(entry.key for entry in fetched if entry.rejected is None)
    inside = chosen is not None and role in chosen.holds
    notes = tuple(f"{role} rejected: {entry.rejected}" for entry in fetched if entry.rejected is not None)
    return Companion(present=inside or bool(keys), keys=keys, notes=notes)


def _fetched(item: Item, offer: Offer) -> RawEntry:
    found = offer.raw.get(item.key)
    if found is None:
        raise BadInputError(f"{item.patient_id}: {item.key}: chosen by the lock but in no raw index; fetch it again")
    if found.patient_id != item.patient_id:
        raise BadInputError(f"{item.key}: of {found.patient_id} in the raw index, of {item.patient_id} in the lock")
    return found


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


def pair_patients(
    offers: Sequence[Offer],
    *,
    required: Collection[str] | None = None,
    any_of: Collection[str] = (),
    exclude: Collection[str] = (),
    sites: Path | None = None,
) -> list[CohortRow]:
    """One row per patient of any lock, sorted; `required` are the modalities that every run needs, all unless given.

    Of `any_of` a patient needs one beside these; what belongs to it, such as a mask, may be missing.
    """
    items = {offer.modality: _by_patient(offer.lock.items) for offer in offers}
    patients = sorted({patient for grouped in items.values() for patient in grouped})
    exclude = set(map(named_patient, exclude))
    if unknown := sorted(exclude - set(patients)):
        raise BadInputError(f"exclude: {unknown[0]} is in no lock; expected patients of the cohort")
    needed = items.keys() if required is None else set(required)
    if strange := sorted({*needed, *any_of} - items.keys()):
        raise BadInputError(f"required: {strange[0]} has no lock; expected some of {', '.join(items)}")
    site_of = sites_of(patients, sites)
    simulated = any(offer.lock.simulated for offer in offers)
    rows = []
    for patient in patients:
        found = {one.modality: presence_of(patient, items[one.modality].get(patient, []), one) for one in offers}
        lacking = [reason for name, one in found.items() if name in needed for reason in one.reasons]
        if any_of and not any(found[name].present for name in any_of):
            lacking.append(f"none of {', '.join(sorted(any_of))}")
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
    ordered = sorted(items, key=attrgetter("patient_id", "key"))
    return {patient: list(own) for patient, own in groupby(ordered, key=attrgetter("patient_id"))}


def sites_of(patients: Collection[str], path: Path | None) -> dict[str, str]:
    """The site of each patient: the table's, else that of the barcode; without a table and barcodes all have one."""
    table = {} if path is None else read_two_columns(path, ("patient_id", "site"), "cohort.sites", _named_site)
    barcodes = {patient: barcode.site for patient in patients if (barcode := barcode_of(patient)) is not None}
    sites = {**dict.fromkeys(patients, "one site"), **barcodes, **table}
    missing = sorted(set(patients) - {*barcodes, *table})
    if missing and path is not None:
        raise BadInputError(f"{path}: no line for {missing[0]} ({len(missing)} patients); expected a site for each")
    return {patient: sites[patient] for patient in patients}


def _named_site(patient: str, site: str) -> tuple[str, str]:
    if not site or not site.isprintable():
        raise BadInputError(f"site {site!r}, expected a name")
    return patient_id_of(patient), site
