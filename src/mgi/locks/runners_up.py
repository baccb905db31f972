"""What serves a patient where the chosen item turns out not to: the next best of the lock, tried in its order.

A fetch and the cohort follow one rule, so the same lock and the same bytes always give the same item.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from mgi.locks.item import BY_HAND, Item
from mgi.locks.lock import Lock
from mgi.locks.raw_index import RawEntry

Fits = Callable[[Item, Item], bool]
"""Whether two items of a patient are of one visit, so that a companion of one fits the other."""


def candidates_of(chosen: Item, items: Sequence[Item]) -> list[Item]:
    """The chosen item of a patient, then its runners-up in their order; `items` are the patient's.

    What a person chose has none: nothing takes its place.
    """
    if chosen.reason.startswith(BY_HAND):
        return [chosen]
    runners = [item for item in items if item.runner_up is not None and item.role == chosen.role and not item.chosen]
    return [chosen, *sorted(runners, key=lambda item: (item.runner_up or 0, item.key))]


def settled(candidates: Sequence[Item], found: Mapping[str, RawEntry], fits: Fits) -> tuple[Item | None, Item | None]:
    """The item that serves by what was fetched so far, and the one to be fetched before that is certain.

    The first that is neither rejected nor doubted serves. One with doubts serves where no other of its visit has fewer.
    """
    best: Item | None = None
    for item in candidates:
        if best is not None and not fits(item, best):
            continue
        entry = found.get(item.key)
        if entry is None:
            return best, item
        if entry.rejected is not None:
            continue
        if not entry.doubts:
            return item, None
        if best is None or len(entry.doubts) < len(found[best.key].doubts):
            best = item
    return best, None


def companions_of(served: Item, items: Sequence[Item], roles: Collection[str], fits: Fits) -> list[Item]:
    """What comes with the item that serves: of its visit, and chosen or listed for a runner-up."""
    named = [item for item in items if item.role in roles and (item.chosen or item.runner_up is not None)]
    return [item for item in named if fits(item, served)]


def in_place_of(served: Item, chosen: RawEntry) -> str:
    """What to say of an item that serves in the place of the chosen one."""
    return f"{served.key} serves in the place of {chosen.key}: {chosen.rejected or '; '.join(chosen.doubts)}"


def fetch_until_settled(
    lock: Lock, items: Sequence[Item], bring: Callable[[Sequence[Item]], list[RawEntry]], fits: Fits
) -> tuple[list[RawEntry], list[str]]:
    """The entries of a batch's chosen items and of all that was tried in their place, and a line for each that was.

    `bring` fetches items; what they need beside them is fetched too, where it belongs to another visit.
    """
    grouped: dict[str, list[Item]] = defaultdict(list)
    for item in lock.items:
        grouped[item.patient_id].append(item)
    entries = {entry.key: entry for entry in bring(items)}
    main = [item for item in items if item.role == lock.modality]
    while wanted := [one for item in main for one in _wanted(item, grouped[item.patient_id], entries, fits)]:
        entries |= {entry.key: entry for entry in bring(wanted)}
    lines = []
    for chosen in main:
        served, _ = settled(candidates_of(chosen, grouped[chosen.patient_id]), entries, fits)
        if served is not None and served is not chosen:
            lines.append(f"{chosen.patient_id}: {in_place_of(served, entries[chosen.key])}")
    return list(entries.values()), lines


def _wanted(chosen: Item, items: Sequence[Item], entries: Mapping[str, RawEntry], fits: Fits) -> list[Item]:
    """What is to be fetched next for a chosen item: a runner-up, or what comes with the one that serves."""
    served, following = settled(candidates_of(chosen, items), entries, fits)
    if following is not None:
        return [following]
    if served is None or served is chosen:
        return []
    found = companions_of(served, items, {item.role for item in items} - {chosen.role}, fits)
    return [item for item in found if not item.chosen and item.key not in entries]
