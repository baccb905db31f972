"""Which slide of a patient is used: the first diagnostic one of the primary tumour, with a reason for each other."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from mgi.core.ids import PRIMARY_TUMOUR
from mgi.locks.item import Item
from mgi.modalities.slides.slide_names import FROZEN, name_of

ALONE = "the only slide"


def choose_slides(items: Sequence[Item], *, frozen: bool) -> tuple[Item, ...]:
    """All items with their verdicts, in order of patients and keys; one that has a reason already is out.

    Those that could take the place of the chosen one are numbered as runners-up: a fetch goes to them where it finds no
    tissue or no resolution. With `frozen`, a patient without any other slide has a frozen section.
    """
    by_patient: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda one: one.key):
        by_patient[item.patient_id].append(item)
    return tuple(one for patient in sorted(by_patient) for one in _of_patient(by_patient[patient], frozen=frozen))


def _of_patient(items: Sequence[Item], *, frozen: bool) -> list[Item]:
    refused = {item.key: _refusal(item) for item in items}
    usable = [item for item in items if refused[item.key] is None]
    sections = [item for item in usable if _is_frozen(item)]
    others = [item for item in usable if item not in sections]
    pool = others or (sections if frozen else [])
    ranked = sorted(pool, key=lambda item: (name_of(item).number, name_of(item).slide_id, item.key))
    judged = []
    for item in items:
        if item in ranked:
            judged.append(_ranked(item, ranked))
        else:
            chosen = f"{name_of(ranked[0]).label} chosen" if ranked else "slides.frozen is false"
            judged.append(replace(item, chosen=False, reason=refused[item.key] or f"frozen section: {chosen}"))
    return judged


def _ranked(item: Item, ranked: Sequence[Item]) -> Item:
    place = ranked.index(item)
    if place:
        return replace(item, chosen=False, runner_up=place, reason=f"not preferred: {name_of(ranked[0]).label} chosen")
    reason = ALONE if len(ranked) == 1 else f"{name_of(item).label}, the first of {len(ranked)} slides"
    return replace(item, chosen=True, reason=reason)


def _refusal(item: Item) -> str | None:
    if item.reason:
        return item.reason
    code = name_of(item).sample_code
    return None if code in (None, PRIMARY_TUMOUR) else f"not of the primary tumour: sample {code}"


def _is_frozen(item: Item) -> bool:
    return name_of(item).kind == FROZEN
