"""Segmentation as it is learned and predicted: networks, loss, the Dice of a validation, and the prediction file."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from mgi.core.errors import BadInputError
from mgi.core.run import ENTRY, Run
from mgi.datasets.volume import Frame
from mgi.models.baselines import BASELINES
from mgi.models.fusion import TUMOUR_LOG_ODDS
from mgi.models.gene_tokens import Members
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.shards.parquet import WRITING, sealed_path
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation.batches import SegmentationBatch, SegmentationDrawer
from mgi.training.distributed import ALONE, Group
from mgi.training.finetune import GeneCache, Outputs, by_patient, forward, output_batches
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings

SMOOTH = 1.0
PREDICTIONS = pa.schema(
    [
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("slice", pa.int32(), nullable=False),
        pa.field("expression_input", pa.string(), nullable=False),
        pa.field("donor", pa.string()),
        pa.field("rows", pa.int32(), nullable=False),
        pa.field("cols", pa.int32(), nullable=False),
        pa.field("probability", pa.binary(), nullable=False),
    ]
)
"""Columns of a prediction file: one row a slice and expression input, probabilities as bytes on the native grid."""
# The least and the most of a slice's bytes mean nothing, and would lie in the footer: 8 KiB a patient.
_PLAIN = [name for name in PREDICTIONS.names if name != "probability"]
_WRITING = {**WRITING, "use_dictionary": _PLAIN, "write_statistics": _PLAIN}
make_drawer = SegmentationDrawer


class WithoutGenes(nn.Module):
    """A plain segmentation network under the signature of MGI: it never looks at the genes.

    A learned offset starts near the log odds of a tumour pixel: at a half everywhere, a network spends its first
    hundreds of steps on darkening the background.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.offset = nn.Parameter(torch.tensor(TUMOUR_LOG_ODDS))

    def forward(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Segment by the image alone."""
        logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits + self.offset


def build(method: str, settings: ModelSettings, n_genes: int, gene_sets: Members | None = None) -> nn.Module:
    """The network of `method` with fresh weights, under the signature of MGI.

    Raises BadInputError where the method is unknown.
    """
    if method == "mgi":
        return build_mgi(settings, n_genes, gene_sets)
    if method in BASELINES:
        return WithoutGenes(BASELINES[method](settings))
    raise BadInputError(f"method '{method}': expected one of {['mgi', *BASELINES]}")


def loss(model: nn.Module, batch: SegmentationBatch, cache: GeneCache | None, group: Group = ALONE) -> Tensor:
    """Cross entropy and soft Dice of the whole batch, of which this process has a part."""
    images, masks = batch.augmented()
    logits = forward(model, images, batch.genes, batch.patient, batch.has_genes, cache)
    return segmentation_loss(group.gather(logits.float(), batch.counts), group.gather(masks, batch.counts))


def segmentation_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """0.5 BCE + 0.5 (1 - soft Dice), Dice pooled over the batch; logits and mask of 0 to 1 (B, 1, H, W).

    A mask at the network's size says which share of a pixel the tumour covers. Both halves are least where the network
    says just that share; enlarged again, a half then lies where the outline was drawn (decision 015 in docs).

    >>> segmentation_loss(torch.full((1, 1, 2, 2), 9.0), torch.ones(1, 1, 2, 2)) < 0.01
    tensor(True)
    """
    return 0.5 * binary_cross_entropy_with_logits(logits, mask) + 0.5 * soft_dice_loss(logits, mask)


def soft_dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """1 - (2 sum min(p, t) + 1) / (sum p + sum t + 1), pooled over the batch, so that empty slices count by pixels.

    For a mask of 0 and 1 that is the usual product p t. For one with shares the product is least at p of 0 or 1, the
    minimum at p = t: Wang et al. 2023 (arXiv:2303.16296), their loss DML1, since 2 min(p, t) = p + t - |p - t|.
    """
    probability = torch.sigmoid(logits)
    overlap = torch.minimum(probability, mask).sum()
    return 1 - (2 * overlap + SMOOTH) / (probability.sum() + mask.sum() + SMOOTH)


def validation(batches: Iterator[Outputs], pairs: Pairs) -> dict[str, float]:
    """The mean volume Dice at the network's size."""
    slices = pairs.slices
    masks = ((outputs >= 0, slices.masks[rows] >= 0.5, slices.patient[rows]) for rows, outputs in batches)
    dice = volume_dice(masks, int(slices.patient.max()) + 1)
    return {"score": dice, "validation_dice": dice}


def volume_dice(batches: Iterable[tuple[Tensor, Tensor, Tensor]], n_patients: int) -> float:
    """Mean over patients of the Dice of the whole volume at the network's size; both empty counts 1.

    `batches` are masks (B, ...) that were predicted, true ones, and the slices' patients (B,).
    """
    overlap, total = torch.zeros(n_patients), torch.zeros(n_patients)
    for prediction, truth, patient in batches:
        predicted, true, shared = (pixels.flatten(1).sum(1) for pixels in (prediction, truth, prediction & truth))
        overlap.index_add_(0, patient, shared.float())
        total.index_add_(0, patient, (predicted + true).float())
    return torch.where(total > 0, 2 * overlap / total.clamp(min=1), 1.0).mean().item()


def predict(
    model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None = None
) -> Iterator[tuple[str, list[NDArray[np.uint8]]]]:
    """Yield each patient's slices as `on_own_grid` gives them, of the logits of one network; few are in memory."""
    slices = pairs.slices
    for patient, logits in by_patient(logit_batches(model, pairs, given, settings, cache), slices):
        yield slices.patient_ids[patient], on_own_grid(logits, slices.frames[patient])


def logit_batches(
    model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None = None
) -> Iterator[Outputs]:
    """Logits (B, 1, S, S) of all slices at the network's size, behind the slices' rows.

    With one `cache` for all inputs, nobody's genes are encoded twice.
    With `settings.tta_flip` they are the mean over the slice and its mirror image, left for right.
    """
    pairs = replace(pairs, genes=given.genes, gene_rows=given.rows)
    has_genes = torch.full((len(pairs),), given.use_genes)
    batches = output_batches(model, pairs, has_genes, settings.batch, cache)
    if not settings.tta_flip:
        yield from batches
        return
    mirrored = output_batches(model, pairs, has_genes, settings.batch, cache, change=lambda images: images.flip(-1))
    for (rows, logits), (_, turned) in zip(batches, mirrored, strict=True):
        yield rows, (logits + turned.flip(-1)) / 2


def logits_of(
    model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None = None
) -> Tensor:
    """The logits (N, 1, S, S) of all slices at once, for those who are few (`logit_batches`)."""
    return torch.cat([logits for _, logits in logit_batches(model, pairs, given, settings, cache)])


def on_own_grid(logits: Tensor, frame: Frame) -> list[NDArray[np.uint8]]:
    """A patient's slices as floor(256 p), at most 255, on the patient's own grid (rows, columns).

    Beyond the frame it is 0. Logits (S, 1, side, side) are resized bilinearly, then squashed: a byte of 128 or more is
    a probability of at least a half.
    """
    native = interpolate(logits, size=frame.size, mode="bilinear", align_corners=False)  # S 1 H W
    stored = (torch.sigmoid(native.double()) * 256).floor().clamp(max=255).to(torch.uint8).squeeze(1)
    return list(frame.paste(stored).numpy())


@dataclass(frozen=True)
class PredictionWriter:
    """Adds one patient with one expression input at a time to an open file."""

    file: pq.ParquetWriter

    def add(
        self, patient_id: str, expression_input: str, donor: str | None, prediction: Sequence[NDArray[np.uint8]]
    ) -> None:
        """Append the slices, each (rows, cols) of floor(256 p); `donor` is the patient whose expression was used."""
        count = len(prediction)
        columns = {
            "patient_id": [patient_id] * count,
            "slice": range(count),
            "expression_input": [expression_input] * count,
            "donor": [donor] * count,
            "rows": [plane.shape[0] for plane in prediction],
            "cols": [plane.shape[1] for plane in prediction],
            "probability": [plane.tobytes() for plane in prediction],
        }
        self.file.write_table(pa.table(columns, schema=self.file.schema))


@contextmanager
def prediction_writer(path: Path | str, run: Run) -> Iterator[PredictionWriter]:
    """Open a prediction file that appears at `path` only when the block ends well and names the run."""
    schema = PREDICTIONS.with_metadata({ENTRY: run.as_json()})
    with sealed_path(path) as part, pq.ParquetWriter(part, schema, **_WRITING) as writer:
        yield PredictionWriter(writer)
