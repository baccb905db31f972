"""Which of a patient's profiles to use: primary tumour, open, not withdrawn, and one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mgi.core.errors import BadInputError
from mgi.core.ids import PRIMARY_TUMOUR, sample_code_of
from mgi.locks.item import BY_HAND, Item

RNA = "rna"
RECURRENT_TUMOUR = "02"

CONTROLLED = "controlled access"
RECURRENT = "recurrent sample"
NOT_PRIMARY = "not a primary tumour sample"
ANNOTATED = "annotated: "
NOT_PREFERRED = "other aliquot preferred: "
# What the reason of a profile that is not chosen begins with.
REASONS_AGAINST = (CONTROLLED, RECURRENT, NOT_PRIMARY, ANNOTATED, NOT_PREFERRED)


def choose_aliquots(
    offers: Sequence[Item], barcode_of: Callable[[Item], str], withdrawn: Mapping[str, str] | None = None
) -> tuple[Item, ...]:
    """The offers by patient and key, each judged; one that has a reason already is out, at most one a patient is in.

    `withdrawn` says by key what an annotation has against a profile. Among eligible profiles of one patient the highest
    barcode wins: later plates replace earlier ones (the rule of the Broad's Firehose). The losers are named as such.
    """
    best: dict[str, tuple[str, str]] = {}
    reasons = {item.key: item.reason or _against(barcode_of(item), (withdrawn or {}).get(item.key)) for item in offers}
    for item in offers:
        if not reasons[item.key]:
            rank = barcode_of(item), item.key
            best[item.patient_id] = max(best.get(item.patient_id, rank), rank)

    def judged(item: Item) -> Item:
        barcode, key = best.get(item.patient_id, ("", ""))
        if against := reasons[item.key] or ("" if item.key == key else f"{NOT_PREFERRED}{barcode}"):
            return replace(item, chosen=False, reason=against)
        # A user's table may name patients only; then there is nothing to tell samples apart.
        return replace(item, chosen=True, reason="primary tumour" if sample_code_of(barcode) else "labelled by patient")

    return tuple(judged(item) for item in sorted(offers, key=lambda item: (item.patient_id, item.key)))


def _against(barcode: str, withdrawn: str | None) -> str:
    code = sample_code_of(barcode)
    if code == RECURRENT_TUMOUR:
        return RECURRENT
    if code not in (PRIMARY_TUMOUR, None):
        return f"{NOT_PRIMARY} (code {code})"
    return "" if withdrawn is None else f"{ANNOTATED}{withdrawn}"


def check_profile(item: Item) -> None:
    """A chosen profile must be of its patient, and of a primary tumour unless a person said why not."""
    barcode = item.sample
    if item.role != RNA:
        raise BadInputError(f"items: {item.key}: role {item.role!r}, expected {RNA!r}")
    if barcode is not None and not barcode.upper().replace("_", "-").startswith(item.patient_id):
        raise BadInputError(f"items: {item.key}: {barcode}, expected a barcode of {item.patient_id}")
    if item.reason.startswith(BY_HAND) and item.reason.removeprefix(BY_HAND).strip():
        return
    code = None if barcode is None else sample_code_of(barcode)
    if code not in (None, PRIMARY_TUMOUR) or item.reason.startswith(REASONS_AGAINST):
        raise BadInputError(
            f"items: {item.key}: {barcode or item.patient_id} is chosen, reason {item.reason!r}; "
            f"expected a primary tumour that nothing speaks against, or a reason that begins with {BY_HAND!r}"
        )
