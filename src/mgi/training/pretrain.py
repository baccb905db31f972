"""Pre-training on one fold's training patients: image and gene encoders are aligned, or the image's learns alone."""

import logging

import torch
from torch import Tensor, nn

from mgi.datasets.gene_rows import Genes
from mgi.models.mgi import DualEncoder
from mgi.training.contrastive import chance_loss, collapse_warnings, min_loss, retrieval_figures, space_figures
from mgi.training.loop import Curve, Loop, RunContext, train
from mgi.training.optimiser import ParameterGroup, make_optimiser, precision_of
from mgi.training.pretrain_batches import BatchDrawer, Pairs, largest_tumours
from mgi.training.pretrain_loss import PretrainLoss
from mgi.training.settings import PretrainSettings
from mgi.training.view_loss import ViewLoss, view_figures

LOG = logging.getLogger(__name__)

__all__ = ["Pairs", "pretrain"]


def pretrain(
    encoders: DualEncoder,
    training: Pairs,
    validation: Pairs,
    settings: PretrainSettings,
    *,
    context: RunContext,
    unpaired: Genes | None = None,
) -> Curve:
    """Train `encoders` in place and return its curve; `settings.keep` says which weights are kept.

    With a loss of images alone the gene encoder keeps the weights that it is given. `unpaired` (R, G) is the
    standardised expression of training patients without image. With several processes the first one alone has the
    curve.
    """
    device = next(encoders.parameters()).device
    model = (PretrainLoss(encoders, settings) if settings.reads_genes else ViewLoss(encoders, settings)).to(device)
    compile_where_it_pays(encoders.image_encoder, device, wanted=settings.compile)
    draw = BatchDrawer(
        training=training,
        unpaired=training.genes[:0] if unpaired is None else unpaired,
        settings=settings,
        randomness=context.randomness,
        genes_per_token=getattr(encoders.gene_encoder.tokens, "patch", 1),
        patches=encoders.image_encoder.grid**2,
        group=context.group,
        pin=device.type == "cuda",
    )

    loop = Loop(
        schedule=settings.schedule,
        prepare=draw,
        step=lambda batch: model(batch.on(device), context.group),
        validate=lambda: validated(model, validation),
        context=context,
        select_best=settings.keep != "last",
        precision=precision_of(settings.schedule.precision, device, where="pretrain.schedule"),
    )
    return train(model, make_optimiser([ParameterGroup(modules=[model])], settings.schedule), loop)


def compile_where_it_pays(encoder: nn.Module, device: torch.device, *, wanted: bool) -> None:
    """Compile the image encoder on a GPU, in place, so that its weights keep their names; a CPU goes without."""
    if not wanted:
        return
    if device.type == "cuda":
        encoder.compile()
    else:
        LOG.info("pretrain.compile: this is a CPU, on which compiling does not pay; going on without")


def validated(model: PretrainLoss | ViewLoss, pairs: Pairs) -> dict[str, float]:
    """The figures of the loss on these patients; a space that has collapsed is said in the log."""
    figures = alignment_figures(model, pairs) if isinstance(model, PretrainLoss) else view_figures(model, pairs)
    for line in collapse_warnings(figures, len(pairs)):
        LOG.warning("%s", line)
    return figures


def alignment_figures(model: PretrainLoss, pairs: Pairs) -> dict[str, float]:
    """Loss and its minimum, monitors, and how well each patient's slice with the most tumour retrieves its genes.

    `chance_loss_above_min` is what `loss_above_min` is where all similarities are equal, `chance_rank` the mean rank of
    a guess.
    """
    settings = model.settings
    images, genes = _vectors(model, pairs)
    patient = torch.arange(len(genes), device=genes.device)
    similarity = model.similarity(images, genes)
    loss = model.contrast(similarity, patient).item()
    found = retrieval_figures(similarity)
    least = min_loss(settings.loss, patient)
    return {
        "score": -found["mean_rank"] if settings.keep == "best_retrieval" else least - loss,
        "validation_loss": loss,
        "validation_min_loss": least,
        "loss_above_min": loss - least,
        "chance_loss_above_min": chance_loss(settings.loss, patient) - least,
        **found,
        "validation_patients": float(len(genes)),
        "temperature": model.temperature().item(),
        **space_figures(images, genes),
    }


def _vectors(model: PretrainLoss, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Unit vectors (P, D) of every patient's slice with the most tumour and of its genes, encoded in batches."""
    device = model.log_temperature.device
    rows = largest_tumours(pairs.slices)
    size = model.settings.schedule.batch
    parts = [
        model.encoders(pairs.slices.images[rows[some]].to(device), pairs.genes_of(some).to(device))
        for some in torch.arange(len(rows)).split(size)
    ]
    return torch.cat([images for images, _ in parts]).float(), torch.cat([genes for _, genes in parts]).float()
