"""What a lock says of one series or file of images, and what a chosen one must be."""

from mgi.core.errors import BadInputError
from mgi.locks.item import Item, metadata
from mgi.modalities.flair.sequence import Series, SeriesVerdict

FLAIR, MASK, OTHER = "flair", "mask", "other"
FOLDER_KEY = "modalities.flair.folder"


def item_of(series: Series, verdict: SeriesVerdict) -> Item:
    """The lock's line about a series that was listed."""
    return Item(
        patient_id=series.patient_id,
        key=series.key,
        role=verdict.role,
        size=series.size,
        chosen=verdict.chosen,
        reason=verdict.reason,
        metadata=metadata(
            study_uid=series.study_uid,
            study_date=series.study_date,
            modality=series.modality,
            description=series.description,
            n_images=series.n_images,
            score=verdict.score,
        ),
    )


def check_image_or_mask(item: Item) -> None:
    """A chosen series must be a FLAIR or a mask and hold an image."""
    n_images = item.number("n_images")
    if item.role not in (FLAIR, MASK) or n_images < 1:
        found = f"role {item.role!r}, n_images {n_images}"
        raise BadInputError(f"items: {item.key}: {found}, expected of a chosen series flair or mask and 1 or more")
