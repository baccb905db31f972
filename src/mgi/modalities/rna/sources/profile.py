"""What a lock says of one expression profile, and what a chosen one must be."""

from mgi.core.errors import BadInputError
from mgi.core.ids import PRIMARY_TUMOUR, sample_code_of
from mgi.locks.aliquots import REASONS_AGAINST
from mgi.locks.item import BY_HAND, Item

RNA = "rna"


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
