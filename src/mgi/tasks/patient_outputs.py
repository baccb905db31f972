"""From a network's outputs of slices to those of a patient, and pairs whose image is left out.

N slices of P patients, K outputs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mgi.core.run import IMAGE, SLIDES
from mgi.datasets.slices import absent_slices
from mgi.training.finetune import Outputs
from mgi.training.pretrain import Pairs


def of_patients(outputs: Tensor, patient: Tensor, n_patients: int) -> Tensor:
    """Outputs of slices with a score behind them (N, K + 1) to those of their patients (P, K).

    They are averaged with the softmax of the score over the patient's slices as weights; `patient` (N,) is the patient
    of each. One whose slices are absent has 0.
    """
    values, score = outputs[:, :-1], outputs[:, -1]
    empty = score.new_full((n_patients,), -torch.inf)
    top = empty.scatter_reduce(0, patient, score.detach(), "amax")  # P
    weight = torch.exp(score - top[patient])  # N
    total = weight.new_zeros(n_patients).index_add(0, patient, weight)
    summed = values.new_zeros(n_patients, values.shape[1]).index_add(0, patient, weight.unsqueeze(1) * values)
    return summed / total.clamp(min=torch.finfo(total.dtype).tiny).unsqueeze(1)


def of_all_patients(batches: Iterable[Outputs], pairs: Pairs) -> Tensor:
    """Outputs (P, K) of every patient, from those of all slices in order."""
    outputs = torch.cat([some for _, some in batches])
    return of_patients(outputs, pairs.slices.patient[: len(outputs)], len(pairs))


def without_images(pairs: Pairs) -> Pairs:
    """The same patients with one slice each that is left out, and without slides; nothing is read."""
    slices = pairs.slices
    marked = absent_slices(slices.patient_ids, slices.channels.shape[1], slices.frames)
    return replace(pairs, slices=marked, bags=None, beside=None)


def reading(pairs: Pairs, images: Sequence[str]) -> Pairs:
    """The same patients without the images that are not among these; without any, nothing is read."""
    if not images:
        return without_images(pairs)
    if pairs.beside is None:
        return pairs
    beside = pairs.beside if SLIDES in images else None
    return replace(pairs if IMAGE in images else without_images(pairs), beside=beside)


def with_others_image(pairs: Pairs, image: str, donors: Tensor) -> Pairs:
    """A control: each patient has this image of the patient of that number (P,); the others stay."""
    if pairs.bags is not None:
        return replace(pairs, bags=pairs.bags.handed_on(donors))
    if image == SLIDES:
        return replace(pairs, beside=None if pairs.beside is None else pairs.beside.handed_on(donors))
    own = pairs.slices.patient_ids
    theirs = pairs.slices.of([own[donor] for donor in donors.tolist()])
    return replace(pairs, slices=replace(theirs, patient_ids=own))
