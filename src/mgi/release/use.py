"""What released models say of a new patient: a mask, or the answer of a task of labels."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.datasets.slices import SliceSet, prepare_slices
from mgi.datasets.slide_bags import SlideBags
from mgi.release.package import Release
from mgi.shards.bags import Bag
from mgi.shards.image_shard import PatientImages
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation import learning as segmentation
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings

Genes = NDArray[np.float32] | None
"""A patient's numbers (K,) as a member reads them: expression where it reads that, and behind it those of further
modalities, NaN where the patient lacks one. None gives the null tokens of all, or nothing to a model without genes."""


def segment_patient(
    members: Sequence[Release], images: PatientImages, scaled: Sequence[Genes], device: torch.device
) -> NDArray[np.uint8]:
    """floor(256 p) of every voxel (S, H, W) on the grid of `images`, from the mean logits of the members.

    Members see the image at one size. Logits are averaged, not probabilities, as test-time flips are: the mean's sign
    is that of the members' mean evidence, and one member alone gives what it was scored with.
    """
    slices = _slices(members[0], images)
    logits = torch.zeros(())
    for member, own in zip(members, scaled, strict=True):
        pairs, given = _given(member, slices, own)
        own_logits = segmentation.logits_of(member.network.to(device), pairs, given, PredictSettings())
        logits = logits + own_logits / len(members)
    return np.stack(segmentation.on_own_grid(logits, slices.frames[0]))


def answer_for_patient(
    members: Sequence[Release],
    images: PatientImages | None,
    bag: Bag | None,
    scaled: Sequence[Genes],
    device: torch.device,
) -> dict[str, Any]:
    """The answer of a task of labels, averaged over the members, from a scan, a slide or both; else of genes alone.

    Classes: the probability of each. Survival: the risk in deviations of the training patients' risks, the share of
    them below it, and, where the members have the same cut points, survival at each. Raises BadInputError where the
    members tell different classes apart.
    """
    slices = _no_slices(members[0]) if images is None else _slices(members[0], images)
    bags = None if bag is None else SlideBags.of_one(bag, Path(tempfile.gettempdir()))
    seen, answers = images is not None or bag is not None, []
    for member, own in zip(members, scaled, strict=True):
        pairs, given = _given(member, slices, own, use_image=seen)
        pairs = replace(pairs, beside=bags) if member.reads_several else replace(pairs, bags=bags)
        ((_, answer),) = member.learning.predict(member.network.to(device), pairs, given, PredictSettings(), None)
        answers.append(answer)
    heads = [member.weights.head or {} for member in members]
    return _classes(heads, answers) if "classes" in heads[0] else _survival(heads, answers)


def _classes(heads: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = heads[0]["classes"]
    for head in heads[1:]:
        if head["classes"] != names:
            found, expected = (", ".join(one) for one in (head["classes"], names))
            raise BadInputError(f"--model: classes: a member tells {found} apart, expected {expected} as the first")
    mean = np.mean([answer["probability"] for answer in answers], axis=0)
    probability = dict(zip(names, mean.round(6).tolist(), strict=True))
    trained = [dict(zip(names, head["counts"], strict=True)) for head in heads]
    return {
        "target": heads[0]["target"],
        "class": max(probability, key=lambda name: probability[name]),
        "probability": probability,
        "training_patients": trained,
    }


def _survival(heads: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    times = heads[0]["times_days"]
    alike = all(head["times_days"] == times for head in heads)
    at = np.mean([answer["survival"] for answer in answers], axis=0).round(6).tolist() if alike else None
    return {
        "endpoint": heads[0]["endpoint"],
        **{name: round(float(np.mean([answer[name] for answer in answers])), 6) for name in ("risk", "risk_quantile")},
        "times_days": times if alike else None,
        "survival": at,
        "training_patients": [{"patients": head["patients"], "events": head["events"]} for head in heads],
    }


def _slices(member: Release, images: PatientImages) -> SliceSet:
    sizes = member.weights.model
    volume = [(images.patient_id, images.slices, None)]
    square = sizes.image_size, sizes.context_slices, sizes.image_crop
    return prepare_slices(volume, *square, of_channels=[images.volumes])


def _no_slices(member: Release) -> SliceSet:
    """One slice of a single pixel in place of an image, marked as left out."""
    channels = torch.full((1, member.weights.model.image_channels + 1, 1, 1), torch.nan)
    return SliceSet(channels=channels, patient=torch.zeros(1, dtype=torch.int64), patient_ids=["new"], frames=[])


def _given(member: Release, slices: SliceSet, own: Genes, *, use_image: bool = True) -> tuple[Pairs, ExpressionInput]:
    model = member.weights.model
    size = (len(member.fitted.gene_ids) if model.expression else 0) + sum(model.further.values())
    genes = torch.zeros(1, size) if own is None else torch.from_numpy(own).unsqueeze(0)
    given = ExpressionInput(name="new", genes=genes, donors=[None], use_genes=own is not None, use_image=use_image)
    return Pairs(slices=slices, genes=genes), given
