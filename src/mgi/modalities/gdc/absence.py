"""Why a patient has no profile of a modality, for the cohort table."""

from collections.abc import Callable, Sequence

from mgi.core.ids import PRIMARY_TUMOUR, sample_code_of
from mgi.locks.item import Item
from mgi.modalities.gdc.aliquots import TIED


def absent_of(what: str) -> Callable[[Sequence[Item]], str]:
    """What says of a patient's items why none is chosen: several alike, no primary tumour, or nothing at all."""

    def absent(items: Sequence[Item]) -> str:
        if any(item.reason.startswith(TIED) for item in items):
            return f"several {what} profiles that nothing tells apart"
        codes = [sample_code_of(item.sample or "") for item in items]
        no_primary = bool(items) and PRIMARY_TUMOUR not in codes and None not in codes
        return "no primary tumour sample" if no_primary else f"no {what}"

    return absent
