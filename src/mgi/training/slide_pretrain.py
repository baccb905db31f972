"""Pre-training on slides and the modalities of one fold's training patients."""

import torch
from torch import Tensor

from mgi.datasets.modality_tables import ModalityTables
from mgi.datasets.slide_bags import SLIDES_AT_ONCE
from mgi.models.multimodal import MultimodalEncoder
from mgi.training.loop import Curve, Loop, RunContext, train
from mgi.training.modality_weights import weights_in
from mgi.training.multimodal import concluded, figures_of_images, modality_drawer, require_several
from mgi.training.multimodal_batches import ModalityRows
from mgi.training.optimiser import ParameterGroup, make_optimiser, precision_of
from mgi.training.settings import PretrainSettings
from mgi.training.slide_batches import SlideBatch, SlideDrawer, SlidePairs, hidden_run
from mgi.training.slide_loss import SlideLoss, known_of_patients, slide_encoder_of


def pretrain_slides(
    encoders: MultimodalEncoder,
    training: SlidePairs,
    validation: SlidePairs,
    settings: PretrainSettings,
    *,
    max_tiles: int,
    context: RunContext,
    unpaired: ModalityTables | None = None,
) -> Curve:
    """Train `encoders` in place and return the curve; `settings.keep` says which weights are kept.

    Tiles are standardised by those of `training`. `unpaired` are modalities of training patients without a slide.
    Raises BadInputError where a modality has fewer than two training patients to tell apart.
    """
    device = encoders.image_projection.weight.device
    require_several(training.tables)
    slide_encoder_of(encoders).standardise_by(*training.bags.moments())
    model = SlideLoss(encoders, settings).to(device)
    draw = SlideDrawer(
        training=training,
        modalities=modality_drawer(encoders, training.tables, unpaired, settings, context),
        max_tiles=max_tiles,
        pin=device.type == "cuda",
    )
    loop = Loop(
        schedule=settings.schedule,
        prepare=draw,
        step=lambda batch: model(batch.on(device)),
        validate=lambda: validated(model, validation, max_tiles),
        context=context,
        select_best=settings.keep != "last",
        precision=precision_of(settings.schedule.precision, device, where="pretrain.schedule"),
        resumed=lambda point: setattr(model.alignment, "image_weights", weights_in(point, encoders.names)),
    )
    return train(model, make_optimiser([ParameterGroup(modules=[model])], settings.schedule), loop)


def validated(model: SlideLoss, pairs: SlidePairs, max_tiles: int) -> dict[str, float]:
    """The figures of the loss on these patients; a space that has collapsed is said in the log."""
    encoders, device = model.encoders, model.encoders.image_projection.weight.device
    parts = ([part.to(device) for part in seen] for seen in pairs.bags.whole_slides())
    images = torch.cat([encoders.image_vectors(*seen).float() for seen in parts])
    figures = concluded(model.alignment, figures_of_images(model.alignment, images, pairs.tables), pairs.tables)
    if model.settings.masked_patch_weight > 0:
        figures |= hidden_tile_figures(model, pairs, max_tiles)
    return figures


def hidden_tile_figures(model: SlideLoss, pairs: SlidePairs, max_tiles: int) -> dict[str, float]:
    """The mean error of hidden tiles beside that of the training mean, of the same runs at every validation."""
    generator, errors = torch.Generator().manual_seed(0), []
    for some in torch.arange(len(pairs)).split(SLIDES_AT_ONCE):
        batch = _whole_batch(model, pairs, some, max_tiles, generator)
        vectors = {name: model.encoders.of(name)(rows.whole) for name, rows in batch.modalities.items()}
        known = known_of_patients(vectors, batch.modalities, len(some))
        errors.append(torch.stack(model.hidden_tile_errors(batch, known)))
    by_model, by_mean = torch.cat(errors, 1).mean(1).tolist()
    return {"validation_masked_patch_loss": by_model, "validation_masked_patch_loss_of_mean": by_mean}


def _whole_batch(
    model: SlideLoss, pairs: SlidePairs, some: Tensor, max_tiles: int, generator: torch.Generator
) -> SlideBatch:
    """These patients' slides, evenly spaced tiles of large ones, with a hidden run each and all that is known."""
    seen, modalities = pairs.bags.whole(some, max_tiles), {}
    for name in pairs.tables.names:
        places, values = pairs.tables.rows(name, some)
        if len(places):
            nothing = torch.zeros(len(places), 0, dtype=torch.bool)
            modalities[name] = ModalityRows(places=places, seen=values, whole=values, hidden=nothing, n_hidden=0)
    batch = SlideBatch(
        tiles=seen.tiles,
        places=seen.places,
        real=seen.real,
        hidden=hidden_run(seen, model.settings.masked_patches, generator),
        patient=torch.arange(len(some)),
        sibling=torch.arange(len(some)),
        imaged=len(some),
        modalities=modalities,
    )
    return batch.on(model.encoders.image_projection.weight.device)
