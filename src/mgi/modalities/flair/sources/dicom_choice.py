"""Which series and label file of a patient are used, where images and masks lie in the user's folder."""

from collections.abc import Sequence
from dataclasses import replace

from mgi.locks.item import Item, metadata
from mgi.modalities.flair.sequence import Series, SeriesVerdict, choose_flair
from mgi.modalities.flair.sources.dicom_series import FolderSeries, LabelFile
from mgi.modalities.flair.sources.series_item import FLAIR, MASK, OTHER, item_of


def judge_patient(series: Sequence[FolderSeries], labels: Sequence[LabelFile], *, min_images: int) -> list[Item]:
    """The series and label files of one patient, each with a verdict.

    A label file of a series counts as a segmentation of its study when the FLAIR is chosen. The mask is then the label
    file of the FLAIR series, else that of the patient, else the segmentations of the study. Where its header is refused
    nothing takes its place in silence.
    """
    sound = [one.listed for one in sorted(series, key=lambda one: one.listed.key) if one.fault is None]
    by_key = {one.listed.key: one.listed for one in series}
    segmented = [replace(by_key[label.series], key=label.name, modality="SEG") for label in labels if label.series]
    rivals = [*sound, *segmented]
    items = list(map(item_of, rivals, choose_flair(rivals, min_images=min_images)))[: len(sound)]
    flair = next((item for item in items if item.role == FLAIR and item.chosen), None)
    fitting = [label for label in labels if flair is not None and label.series in (flair.key, None)]
    mask = min(fitting, key=lambda label: (label.series is None, label.name), default=None)
    if mask is not None:
        items = [
            replace(item, chosen=False, reason="label file preferred") if item.role == MASK and item.chosen else item
            for item in items
        ]
    items += [item_of(one.listed, SeriesVerdict(OTHER, 0.0, False, one.fault)) for one in series if one.fault]
    return [*items, *(_label_item(label, by_key.get(label.series or ""), flair, mask) for label in labels)]


def _label_item(label: LabelFile, of_series: Series | None, flair: Item | None, mask: LabelFile | None) -> Item:
    if flair is None:
        reason = "no FLAIR chosen"
    elif label.series not in (flair.key, None):
        reason = f"label of another series, {label.series}"
    elif mask is not None and mask is not label:
        reason = f"{mask.name} preferred"
    else:
        reason = label.fault or f"label of {flair.key}"
    return Item(
        patient_id=label.patient_id,
        key=label.name,
        role=MASK,
        size=label.size,
        chosen=mask is label and label.fault is None,
        reason=reason,
        metadata=metadata(
            study_uid=of_series.study_uid if of_series else None,
            study_date=of_series.study_date if of_series else None,
            description="label file",
            n_images=label.n_images,
        ),
    )
