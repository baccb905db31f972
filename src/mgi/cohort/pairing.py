"""Which patients have genes, an image and a mask, and why the others have not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import BadInputError
from mgi.core.ids import PRIMARY_TUMOUR, sample_code_of, site_of
from mgi.locks.raw_index import RawItem

KEPT, DROPPED = "kept", "dropped"
NO_EXPRESSION = "no expression"
NO_PRIMARY = "no primary tumour sample"
NO_IMAGE = "no image"
NO_FLAIR = "no FLAIR series"
NO_MASK = "no mask"
IMAGE_REJECTED = "image rejected: "
EXPRESSION_REJECTED = "expression rejected: "
EXCLUDED = "excluded by the configuration"

Item = Mapping[str, Any]
Raw = Mapping[str, RawItem]


@dataclass(frozen=True, kw_only=True)
class CohortRow:
    """One patient that an archive knows.

    `reason` is None if kept; where several apply it is the first of expression, image, mask, and `notes` has the rest,
    together with the samples and series that were not chosen. `mask_keys` is empty where masks come with the image.
    """

    patient_id: str
    site: str
    status: str
    reason: str | None
    has_expression: bool
    has_image: bool
    has_mask: bool
    expression_key: str | None
    aliquot: str | None
    image_key: str | None
    mask_keys: tuple[str, ...]
    n_slices: int | None
    study_date: str | None
    notes: str
    simulated: bool


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What one archive has of one patient: the chosen item if it can serve, else why not."""

    chosen: Item | None
    reason: str | None
    notes: tuple[str, ...] = ()


def pair_patients(
    expression_lock: Mapping[str, Any],
    image_lock: Mapping[str, Any],
    expression_raw: Raw,
    image_raw: Raw,
    exclude: Collection[str] = (),
) -> list[CohortRow]:
    """One row per patient of either lock, sorted; a patient is kept with expression, image and mask.

    Locks are as parsed from JSON, raw items by key. Raises BadInputError where a chosen item was never fetched, a
    patient has two chosen items of one kind, or an excluded patient is unknown.
    """
    expression, images = _by_patient(expression_lock), _by_patient(image_lock)
    patients = sorted(expression.keys() | images.keys())
    if unknown := sorted(set(exclude) - set(patients)):
        raise BadInputError(f"exclude: {unknown[0]} is in neither lock; expected patients of the cohort")
    masks_inside = image_lock["source"] == "kaggle"
    simulated = bool(expression_lock["simulated"] or image_lock["simulated"])
    rows = []
    for patient in patients:
        genes = _find_expression(patient, expression.get(patient, []), expression_raw)
        image = _find_image(patient, images.get(patient, []), image_raw)
        masks = _find_masks(images.get(patient, []), image_raw, inside=masks_inside and image.chosen is not None)
        own = EXCLUDED if patient in exclude else None
        rows.append(
            _row(patient, genes, image, masks, n_slices=_n_slices(image, image_raw), own=own, simulated=simulated)
        )
    return rows


def _row(
    patient: str,
    genes: _Found,
    image: _Found,
    masks: "_Masks",
    *,
    n_slices: int | None,
    own: str | None,
    simulated: bool,
) -> CohortRow:
    # Without an image the missing mask is no news.
    mask_reason = masks.reason if image.chosen is not None else None
    reasons = [reason for reason in (own, genes.reason, image.reason, mask_reason) if reason]
    notes = [*reasons[1:], *genes.notes, *image.notes, *masks.notes]
    return CohortRow(
        patient_id=patient,
        site=site_of(patient),
        status=DROPPED if reasons else KEPT,
        reason=reasons[0] if reasons else None,
        has_expression=genes.chosen is not None,
        has_image=image.chosen is not None,
        has_mask=masks.present,
        expression_key=genes.chosen["key"] if genes.chosen else None,
        aliquot=genes.chosen.get("aliquot") if genes.chosen else None,
        image_key=image.chosen["key"] if image.chosen else None,
        mask_keys=masks.keys,
        n_slices=n_slices,
        study_date=image.chosen.get("study_date") if image.chosen else None,
        notes="; ".join(notes),
        simulated=simulated,
    )


def _by_patient(lock: Mapping[str, Any]) -> dict[str, list[Item]]:
    grouped: dict[str, list[Item]] = {}
    for item in sorted(lock["items"], key=lambda item: (item["patient_id"], item["key"])):
        grouped.setdefault(item["patient_id"], []).append(item)
    return grouped


def _find_expression(patient: str, items: Sequence[Item], raw: Raw) -> _Found:
    notes = tuple(f"{item.get('aliquot') or item['key']}: {item['reason']}" for item in items if not item["chosen"])
    chosen = _only([item for item in items if item["chosen"]], patient, "expression profiles")
    if chosen is None:
        codes = [sample_code_of(item.get("aliquot") or item.get("sample") or "") for item in items]
        no_primary = bool(items) and PRIMARY_TUMOUR not in codes and None not in codes
        return _Found(chosen=None, reason=NO_PRIMARY if no_primary else NO_EXPRESSION, notes=notes)
    if rejected := _fetched(chosen, raw).rejected:
        return _Found(chosen=None, reason=EXPRESSION_REJECTED + rejected, notes=notes)
    return _Found(chosen=chosen, reason=None, notes=notes)


def _find_image(patient: str, items: Sequence[Item], raw: Raw) -> _Found:
    others = [item for item in items if item["role"] == "flair" and not item["chosen"]]
    notes = tuple(f"{item['description'] or item['key']}: {item['reason']}" for item in others)
    chosen = _only([item for item in items if item["role"] == "flair" and item["chosen"]], patient, "FLAIR series")
    if chosen is None:
        # A Kaggle folder is one item that holds image and masks, and is not chosen where a mask lacks.
        no_mask = bool(others) and all(item["reason"].startswith(NO_MASK) for item in others)
        missing = (NO_MASK if no_mask else NO_FLAIR) if items else NO_IMAGE
        return _Found(chosen=None, reason=missing, notes=notes)
    if rejected := _fetched(chosen, raw).rejected:
        return _Found(chosen=None, reason=IMAGE_REJECTED + rejected, notes=notes)
    return _Found(chosen=chosen, reason=None, notes=notes)


@dataclass(frozen=True, kw_only=True)
class _Masks:
    present: bool
    keys: tuple[str, ...]
    reason: str | None
    notes: tuple[str, ...]


def _find_masks(items: Sequence[Item], raw: Raw, *, inside: bool) -> _Masks:
    fetched = [_fetched(item, raw) for item in items if item["role"] == "mask" and item["chosen"]]
    usable = tuple(item.key for item in fetched if item.rejected is None)
    notes = tuple(f"mask rejected: {item.rejected}" for item in fetched if item.rejected is not None)
    present = inside or bool(usable)
    return _Masks(present=present, keys=usable, reason=None if present else NO_MASK, notes=notes)


def _only(items: list[Item], patient: str, what: str) -> Item | None:
    if len(items) > 1:
        raise BadInputError(f"{patient}: {len(items)} chosen {what}, expected at most one")
    return items[0] if items else None


def _fetched(item: Item, raw: Raw) -> RawItem:
    found = raw.get(item["key"])
    if found is None:
        raise BadInputError(
            f"{item['patient_id']}: {item['key']}: chosen by the lock but in no raw index; fetch it again"
        )
    if found.patient_id != item["patient_id"]:
        raise BadInputError(
            f"{item['key']}: of {found.patient_id} in the raw index, of {item['patient_id']} in the lock"
        )
    return found


def _n_slices(image: _Found, raw: Raw) -> int | None:
    if image.chosen is None:
        return None
    fetched = raw[image.chosen["key"]].n_images
    return int(image.chosen["n_images"]) if fetched is None else fetched
