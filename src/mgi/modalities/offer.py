"""What a modality's lock and indexes offer to the cohort."""

from collections.abc import Mapping

from mgi.cohort.pairing import Offer
from mgi.locks.lock import Lock
from mgi.locks.raw_index import RawEntry
from mgi.modalities.modality import Modality


def offer_of(kind: Modality, lock: Lock, raw: Mapping[str, RawEntry]) -> Offer:
    """A modality's lock, what was fetched of it by key, and what it says of its items."""
    return Offer(
        lock=lock,
        raw=raw,
        companions=kind.companions,
        is_image=kind.is_image,
        absent=kind.absent,
        note=kind.note,
        told=kind.told,
        fits=kind.fits,
    )
