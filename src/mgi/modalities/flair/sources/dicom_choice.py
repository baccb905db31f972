"""Which series and label file of a patient are used, where images and masks lie in the user's folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mgi.locks.item import Item, facts
from mgi.modalities.flair.sources.dicom_series import FolderSeries, LabelFile
from mgi.modalities.flair.sources.series_choice import SeriesChoice, item_of, listed_item
from mgi.modalities.flair.sources.series_item import FLAIR, MASK, OTHER
from mgi.modalities.flair.sources.tcia_listing import TciaSeries

LABEL_FILE = "label file"


def judge_patient(
    series: Sequence[FolderSeries],
    labels: Sequence[LabelFile],
    choose: Callable[[Sequence[TciaSeries]], Sequence[SeriesChoice]],
    read_label: Callable[[str], tuple[int, int, str | None]],
) -> list[Item]:
    """The series and label files of one patient, each with a verdict.

    A label file of a series counts as a segmentation of its study when the FLAIR is chosen. The mask is then the label
    file of the FLAIR series, else that of the patient, else the segmentations of the study. `read_label` gives a label
    file's size, slices, and why its header is refused: nothing then takes its place in silence.
    """
    sound = [one.listed for one in sorted(series, key=lambda one: one.listed.key) if one.fault is None]
    by_key = {one.listed.key: one.listed for one in series}
    segmented = [replace(by_key[label.series], key=label.name, modality="SEG") for label in labels if label.series]
    rivals = [*sound, *segmented]
    judged = [item_of(one, verdict) for one, verdict in zip(rivals, choose(rivals), strict=True)][: len(sound)]
    flair = next((item for item in judged if item.role == FLAIR and item.chosen), None)
    mask = _best_label(labels, flair)
    items = [_without_segmentation(item) if mask is not None and item.role == MASK else item for item in judged]
    items += [_faulty(one) for one in series if one.fault is not None]
    return [*items, *(_label_item(label, by_key, flair, mask, read_label(label.name)) for label in labels)]


def _best_label(labels: Sequence[LabelFile], flair: Item | None) -> LabelFile | None:
    if flair is None:
        return None
    fitting = [label for label in labels if label.series in (flair.key, None)]
    return min(fitting, key=lambda label: (label.series is None, label.name), default=None)


def _without_segmentation(item: Item) -> Item:
    return replace(item, chosen=False, reason="label file preferred") if item.chosen else item


def _faulty(one: FolderSeries) -> Item:
    return listed_item(one.listed, OTHER, chosen=False, reason=str(one.fault))


def _label_item(
    label: LabelFile,
    by_key: Mapping[str, TciaSeries],
    flair: Item | None,
    mask: LabelFile | None,
    header: tuple[int, int, str | None],
) -> Item:
    size, n_images, fault = header
    if flair is None:
        reason = "no FLAIR chosen"
    elif label.series not in (flair.key, None):
        reason = f"label of another series, {label.series}"
    else:
        reason = f"{mask.name} preferred" if mask is not None and mask is not label else f"label of {flair.key}"
    of_series = by_key.get(label.series or "")
    return Item(
        patient_id=label.patient_id,
        key=label.name,
        role=MASK,
        size=size,
        chosen=mask is label and fault is None,
        reason=fault if mask is label and fault is not None else reason,
        facts=facts(
            study_uid=of_series.study_uid if of_series is not None else None,
            study_date=of_series.study_date if of_series is not None else None,
            description=LABEL_FILE,
            n_images=n_images,
        ),
    )
