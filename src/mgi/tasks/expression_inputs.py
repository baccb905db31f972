"""What predictions are made with: the patients' own expression and what takes its place in the audit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mgi.datasets.derangement import uniform_derangement
from mgi.datasets.gene_rows import Genes
from mgi.evaluation.expression_inputs import (
    ALONE,
    COHORT_MEAN,
    IMAGE_LEFT_OUT,
    IMAGE_PERMUTED,
    LEFT_OUT,
    NOT_USED,
    NULL_TOKEN,
    OWN,
    PERMUTED,
)
from mgi.training.settings import PredictSettings


@dataclass(frozen=True, kw_only=True)
class ExpressionInput:
    """Expression to predict with, under its name in tables, and the patients that it is of.

    Patient i is given row `rows[i]` of `genes`, or row i where there are no `rows`. Without `use_image` the image is
    left out, and without those `left_out` one of several; with `image_rows` patient i is given the slide, or what
    `image` names of several, of patient `image_rows[i]`.
    """

    name: str
    genes: Genes
    donors: list[str | None]
    use_genes: bool
    rows: Tensor | None = None
    use_image: bool = True
    image_rows: Tensor | None = None
    image: str | None = None
    left_out: tuple[str, ...] = ()

    def seen_of(self, images: Sequence[str]) -> list[str]:
        """Those of a network's images that it is given."""
        return [image for image in images if self.use_image and image not in self.left_out]


def audit_inputs(
    genes: Genes,
    average: Tensor,
    patient_ids: list[str],
    settings: PredictSettings,
    *,
    reads_genes: bool,
    reads_image: bool = True,
    images_apart: bool = False,
) -> list[ExpressionInput]:
    """The inputs of the audit, or the one input `not_used` of a network that reads no expression.

    With `images_apart` the task can do without the image: there is an input with the own expression alone. To a network
    that reads no image all patients are alike with the mean or without expression, so it has neither of these inputs.

    `cohort_mean` is the training mean `average` (G,), `null_token` the learned token, `permuted-k` the expression of
    another test patient: nobody keeps their own. One test patient has no permutation.
    """
    if not reads_genes:
        return [without_genes(len(patient_ids), genes.shape[1], NOT_USED)]
    inputs = [ExpressionInput(name=OWN, genes=genes, donors=list(patient_ids), use_genes=True)]
    if reads_image:
        null = without_genes(len(patient_ids), genes.shape[1], NULL_TOKEN)
        mean = replace(null, name=COHORT_MEAN, genes=average.float().unsqueeze(0), use_genes=True)
        inputs += [mean, null]
    if reads_image and images_apart:
        inputs.append(replace(inputs[0], name=IMAGE_LEFT_OUT, use_image=False))
    rng = np.random.default_rng(settings.seed)
    for index in range(settings.permutations if len(patient_ids) > 1 else 0):
        rows = uniform_derangement(len(patient_ids), rng)
        donors: list[str | None] = [patient_ids[row] for row in rows.tolist()]
        name = f"{PERMUTED}-{index}"
        inputs.append(ExpressionInput(name=name, genes=genes, donors=donors, use_genes=True, rows=rows))
    return inputs


def with_other_images(own: ExpressionInput, settings: PredictSettings) -> Iterator[ExpressionInput]:
    """The inputs `image_permuted-k`: the same expression, with the slide of another test patient.

    There are as many as permutations of expression, and none of one patient alone.
    """
    rng = np.random.default_rng([settings.seed, 1])
    for index in range(settings.permutations if len(own.donors) > 1 else 0):
        rows = uniform_derangement(len(own.donors), rng)
        yield replace(own, name=f"{IMAGE_PERMUTED}-{index}", image_rows=rows)


def of_several_images(
    own: ExpressionInput, null: ExpressionInput | None, has: Mapping[str, Tensor], settings: PredictSettings
) -> Iterator[ExpressionInput]:
    """The inputs of a network of several images, by whom of the patients `has` (P,) which.

    `IMAGE_left_out` is all else, `IMAGE_alone` neither genes (`null`) nor another image. In `IMAGE_permuted-k` those
    who have the image are given that of another one who has; there are as many as permutations of expression.
    """
    for number, image in enumerate(has):
        others = tuple(one for one in has if one != image)
        if others:
            yield replace(own, name=f"{image}_{LEFT_OUT}", left_out=(image,))
        if others and null is not None:
            yield replace(null, name=f"{image}_{ALONE}", left_out=others)
        rng, having = np.random.default_rng([settings.seed, 2 + number]), has[image].nonzero().flatten()
        for index in range(settings.permutations if len(having) > 1 else 0):
            rows = torch.arange(len(own.donors))
            rows[having] = having[uniform_derangement(len(having), rng)]
            yield replace(own, name=f"{image}_{PERMUTED}-{index}", image=image, image_rows=rows)


def without_genes(n_patients: int, n_genes: int, name: str) -> ExpressionInput:
    """The input that holds no expression: every patient is given the same zeros."""
    rows = torch.zeros(n_patients, dtype=torch.int64)
    zeros = torch.zeros(1, n_genes)
    return ExpressionInput(name=name, genes=zeros, donors=[None] * n_patients, use_genes=False, rows=rows)
