"""What a lock says of one series or file of images, and what a chosen one must be."""

from mgi.core.errors import BadInputError
from mgi.core.ids import is_dicom_uid
from mgi.locks.item import Item

FLAIR, MASK, OTHER = "flair", "mask", "other"
FOLDER_KEY = "modalities.flair.folder"


def n_images(item: Item) -> int:
    """Slices or images of a series."""
    return item.number("n_images")


def study_date(item: Item) -> str:
    """YYYY-MM-DD, empty where it is not known."""
    return item.text("study_date")


def description(item: Item) -> str:
    """What the archive calls the series."""
    return item.text("description")


def check_image_or_mask(item: Item) -> None:
    """A chosen series must be a FLAIR or a mask and hold an image."""
    if item.role not in (FLAIR, MASK) or n_images(item) < 1:
        found = f"role {item.role!r}, n_images {n_images(item)}"
        raise BadInputError(f"items: {item.key}: {found}, expected of a chosen series flair or mask and 1 or more")


def check_uid(item: Item) -> None:
    """Refuse a key that could not be a file name."""
    if not is_dicom_uid(item.key):
        raise BadInputError(f"items: key {item.key!r}, expected a DICOM UID (digits and points)")
