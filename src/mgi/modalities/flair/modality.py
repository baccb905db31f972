"""FLAIR series with tumour masks: TCIA, the Kaggle archive of Buda et al., or a folder of the user's own."""

from collections.abc import Sequence

from mgi.locks.item import Item
from mgi.modalities.modality import Modality

NO_MASK = "no mask"


def absent(items: Sequence[Item]) -> str:
    """Why a patient has no image: nothing listed, no FLAIR among it, or a Kaggle folder that lacks its mask."""
    if not items:
        return "no image"
    others = [item for item in items if item.role == "flair"]
    # A Kaggle folder is one item that holds image and masks, and is not chosen where a mask lacks.
    return NO_MASK if others and all(item.reason.startswith(NO_MASK) for item in others) else "no FLAIR series"


def note(item: Item) -> str | None:
    """What a FLAIR that is not used is called; other series are no news."""
    return (item.text("description") or item.key) if item.role == "flair" else None


def fits(one: Item, other: Item) -> bool:
    """Whether two series, or a label file and a series, are of one study; a label file may be of one series alone."""
    for name, own in (("series_uid", "key"), ("study_uid", "study_uid")):
        wanted = one.text(name)
        if wanted and wanted != (other.key if own == "key" else other.text(own)):
            return False
    return True


MODALITY = Modality(
    name="flair",
    shard_format="volumes",
    settings="mgi.modalities.flair.settings:FlairSettings",
    fetching="mgi.modalities.flair.sources.opening",
    sharding="mgi.modalities.flair.shard",
    companions=("mask",),
    own_files={"kaggle": "archive", "nifti": "folder", "dicom": "folder"},
    lists=("manifest", "patients"),
    shard_keys=("labels", "channels"),
    absent=absent,
    note=note,
    fits=fits,
)
