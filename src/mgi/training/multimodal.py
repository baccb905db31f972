"""Pre-training of an image with several modalities on one fold's training patients, some of whom lack some."""

import logging

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mgi.core.errors import BadInputError
from mgi.datasets.modality_tables import ModalityTables
from mgi.models.multimodal import MultimodalEncoder
from mgi.training.contrastive import alignment, collapse_warnings, retrieval_figures, vector_figures
from mgi.training.loop import Curve, Loop, RunContext, train
from mgi.training.modality_weights import PREFIX, measured_weights, weights_in
from mgi.training.multimodal_batches import ModalityDrawer, MultimodalBatch, MultimodalDrawer, MultimodalPairs
from mgi.training.multimodal_loss import FEWEST, MultimodalLoss, sum_of
from mgi.training.optimiser import ParameterGroup, make_optimiser, precision_of
from mgi.training.pretrain import compile_where_it_pays
from mgi.training.pretrain_batches import largest_tumours
from mgi.training.settings import PretrainSettings

LOG = logging.getLogger(__name__)


def pretrain_multimodal(
    encoders: MultimodalEncoder,
    training: MultimodalPairs,
    validation: MultimodalPairs,
    settings: PretrainSettings,
    *,
    context: RunContext,
    unpaired: ModalityTables | None = None,
) -> Curve:
    """Train `encoders` in place and return the curve; `settings.keep` says which weights are kept.

    `unpaired` are modalities of training patients without image. With several processes the first one alone has the
    curve. Raises BadInputError where a modality has fewer than two training patients to tell apart.
    """
    device = next(encoders.parameters()).device
    require_several(training.tables)
    model = MultimodalLoss(encoders, settings).to(device)
    compile_where_it_pays(encoders.image_encoder, device, wanted=settings.compile)
    modalities = modality_drawer(encoders, training.tables, unpaired, settings, context)
    group = context.group
    draw = MultimodalDrawer(training=training, modalities=modalities, group=group, pin=device.type == "cuda")

    def step(batch: MultimodalBatch) -> tuple[Tensor, dict[str, Tensor]]:
        if settings.modality_weights == "measured":  # by the first process, which alone validates
            measured = group.of_first([model.image_weights[name] for name in encoders.names])
            model.image_weights = dict(zip(encoders.names, measured, strict=True))
        loss, figures = model(batch.on(device), group)
        return loss, figures

    loop = Loop(
        schedule=settings.schedule,
        prepare=draw,
        step=step,
        validate=lambda: validated(model, validation),
        context=context,
        select_best=settings.keep != "last",
        precision=precision_of(settings.schedule.precision, device, where="pretrain.schedule"),
        resumed=lambda point: setattr(model, "image_weights", weights_in(point, encoders.names)),
    )
    return train(model, make_optimiser([ParameterGroup(modules=[model])], settings.schedule), loop)


def require_several(tables: ModalityTables) -> None:
    """Raise BadInputError where a modality has fewer than two training patients to tell apart."""
    for name, count in zip(tables.names, tables.presence.sum(0).tolist(), strict=True):
        if count < FEWEST:
            raise BadInputError(f"pretrain.modalities: {name}: found {count} training patients, expected {FEWEST}")


def modality_drawer(
    encoders: MultimodalEncoder,
    training: ModalityTables,
    unpaired: ModalityTables | None,
    settings: PretrainSettings,
    context: RunContext,
) -> ModalityDrawer:
    """What draws the modalities of a batch."""
    return ModalityDrawer(
        training=training,
        unpaired=unpaired if settings.unpaired_batch > 0 else None,
        settings=settings,
        randomness=context.randomness,
        numbers_per_token={name: getattr(encoders.of(name).encoder.tokens, "patch", 1) for name in encoders.names},
    )


def validated(model: MultimodalLoss, pairs: MultimodalPairs) -> dict[str, float]:
    """The figures of the loss on these patients, as `concluded` leaves them."""
    return concluded(model, multimodal_figures(model, pairs), pairs.tables)


def concluded(model: MultimodalLoss, figures: dict[str, float], tables: ModalityTables) -> dict[str, float]:
    """The figures of a validation; a space that has collapsed is said in the log.

    Where weights are measured, the model takes those that the figures tell.
    """
    counts = tables.presence.sum(0).tolist()
    for name, count in (("image", len(tables)), *zip(tables.names, counts, strict=True)):
        for line in collapse_warnings(figures, count, [name]):
            LOG.warning("%s", line)
    if model.settings.modality_weights == "measured":
        model.image_weights = measured_weights(figures, tables.names)
        figures |= {f"{PREFIX}{name}": weight for name, weight in model.image_weights.items()}
    return figures


def multimodal_figures(model: MultimodalLoss, pairs: MultimodalPairs) -> dict[str, float]:
    """The figures of patients by each one's slice with the most tumour."""
    encoders, rows = model.encoders, largest_tumours(pairs.slices)
    device, size = encoders.image_projection.weight.device, model.settings.schedule.batch
    images = torch.cat(
        [encoders.image_vectors(pairs.slices.images[some].to(device)).float() for some in rows.split(size)]
    )
    return figures_of_images(model, images, pairs.tables)


def figures_of_images(model: MultimodalLoss, images: Tensor, tables: ModalityTables) -> dict[str, float]:
    """Loss, its minimum, chance and retrieval of each modality among the patients who have it, and their means.

    `images` (P, D) are unit vectors of the patients' images.
    A figure of a modality ends in its name; one without is the mean by the weights of the modalities. `..._joint` is
    of the mean vector of all modalities that a patient has. A modality of one patient or none is left out.
    """
    settings = model.settings
    vectors, places = _vectors(model, tables)
    patient = torch.arange(len(images), device=images.device)
    terms = dict(model.contrasts(images, patient, vectors, places, len(images)))
    figures: dict[str, float] = {}
    for name in tables.names:
        figures[f"validation_patients_{name}"] = float(len(places[name]))
        if name in terms:
            own = {**_ranks(images[places[name]], vectors[name]), "temperature": model.temperature(name).item()}
            own["alignment"] = alignment(images[places[name]], vectors[name])
            figures |= {f"{figure}_{name}": value for figure, value in own.items()}
            figures |= vector_figures(name, vectors[name])
    for name, term in terms.items():
        figures |= {f"{figure}_{name}": value for figure, value in _losses(term.loss.item(), term.least, term.chance)}
    overall = [
        sum_of(terms, values)
        for values in zip(*((term.loss.item(), term.least, term.chance) for term in terms.values()), strict=True)
    ] or [0.0, 0.0, 0.0]
    figures |= dict(_losses(*overall))
    ranked = {name: term for name, term in terms.items() if name in tables.names}
    for figure in ("retrieval_at_1", "mean_rank", "median_rank", "chance_rank"):
        figures[figure] = sum_of(ranked, [figures[f"{figure}_{name}"] for name in ranked])
    joint, having = joint_vectors(vectors, places, len(images))
    figures |= {f"{figure}_joint": value for figure, value in _ranks(images[having], joint).items()}
    by_rank = -sum_of(ranked, [figures[f"mean_rank_{name}"] / figures[f"chance_rank_{name}"] for name in ranked])
    return {
        "score": by_rank if settings.keep == "best_retrieval" else -figures["loss_above_min"],
        **figures,
        "validation_patients": float(len(tables)),
        **vector_figures("image", images),
    }


def joint_vectors(vectors: dict[str, Tensor], places: dict[str, Tensor], count: int) -> tuple[Tensor, Tensor]:
    """Unit vectors (R, D) in the direction of the mean of what each patient has, and who has any (R,)."""
    total = torch.zeros(count, next(iter(vectors.values())).shape[1], device=next(iter(vectors.values())).device)
    has = torch.zeros(count, dtype=torch.bool, device=total.device)
    for name in sorted(vectors):
        total = total.index_add(0, places[name], vectors[name].float())
        has[places[name]] = True
    having = has.nonzero().flatten()
    return normalize(total[having], dim=-1), having


def _losses(loss: float, least: float, chance: float) -> list[tuple[str, float]]:
    return [
        ("validation_loss", loss),
        ("validation_min_loss", least),
        ("loss_above_min", loss - least),
        ("chance_loss_above_min", chance - least),
    ]


def _ranks(images: Tensor, vectors: Tensor) -> dict[str, float]:
    """How well each patient's image finds its own vector among those of all patients (R, D) by cosine."""
    return retrieval_figures(images @ vectors.T) if len(images) else {}


def _vectors(model: MultimodalLoss, tables: ModalityTables) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Unit vectors of each modality (R, D), and whose they are (R,)."""
    encoders, size = model.encoders, model.settings.schedule.batch
    device, width = encoders.image_projection.weight.device, encoders.image_projection.out_features
    vectors, places = {}, {}
    for name in tables.names:
        own = (tables.row_of[name] >= 0).nonzero().flatten()
        parts = [
            encoders.of(name)(tables.rows(name, some)[1].to(device)).float() for some in own.split(size) if len(some)
        ]
        vectors[name] = torch.cat(parts) if parts else torch.zeros(0, width, device=device)
        places[name] = own.to(device)
    return vectors, places
