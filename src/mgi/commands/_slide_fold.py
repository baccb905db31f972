"""A fold whose patients are seen by slides: their bags of tiles, in a file of this job."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from mgi.cohort.split import TRAIN
from mgi.commands._learning import Fold
from mgi.commands._modality_tables import FoldModalities
from mgi.core.errors import BadInputError, ConfigError
from mgi.datasets.slide_bags import SlideBags
from mgi.models.settings import ModelSettings, NetworkSettings
from mgi.models.slide_encoder import SlideEncoder
from mgi.training.pretrain import Pairs
from mgi.training.settings import PretrainSettings
from mgi.training.slide_batches import SlidePairs

LOG = logging.getLogger(__name__)


def bags_of(fold: Fold, patients: Sequence[str]) -> SlideBags:
    """The bags of these patients, in their order; who has no slide has an empty one."""
    assert fold.bags is not None
    return SlideBags.of(fold.bags, patients, fold.scratch)


def bags_of_all(fold: Fold, patients: Sequence[str], role: str) -> SlideBags:
    """The same of patients who must have a slide.

    Raises BadInputError naming the first who has none.
    """
    bags = bags_of(fold, patients)
    if not bool(bags.has_slide.all()):
        lacking = patients[int((~bags.has_slide).nonzero()[0])]
        raise BadInputError(f"{fold.args.image_shard}: {lacking}: no slide, expected one of every {role} patient")
    LOG.info("%s: %d slides, %d tiles", role, len(bags), int(bags.counts.sum()))
    return bags


def with_slides(fold: Fold, pairs: Pairs, model: ModelSettings, role: str) -> Pairs:
    """The pairs, with the patients' bags where the fold's image is a slide, or where slides stand beside scans.

    Raises BadInputError naming the first patient who has none, or neither.
    """
    patients = pairs.slices.patient_ids
    if fold.beside is not None:
        beside = replace(SlideBags.of(fold.beside, patients, fold.scratch), may_lack=True)
        has_scan = pairs.has_scan
        if not bool((any_image := has_scan | beside.has_slide).all()):
            lacking = patients[int((~any_image).nonzero()[0])]
            raise BadInputError(f"{fold.args.image_shard}: {lacking}: no scan and no slide, expected one of both")
        counts = int(has_scan.sum()), int(beside.has_slide.sum()), len(patients)
        LOG.info("%s: %d of %d patients have a scan, %d a slide", role, counts[0], counts[2], counts[1])
        return replace(pairs, beside=beside, max_tiles=model.max_tiles)
    if fold.bags is None:
        return pairs
    bags = bags_of_all(fold, patients, role)
    return replace(pairs, bags=bags, max_tiles=model.max_tiles)


def require_same_tiles(fold: Fold, model: NetworkSettings, where: Path, *, beside: bool = True) -> None:
    """Raise BadInputError where weights read other tiles than the fold's, or none; without `beside` of scans alone."""
    found = None if fold.bags is None else fold.bags.width
    if found != model.tile_width:
        told, expected = (f"tiles of {one} numbers" if one else "scans" for one in (found, model.tile_width))
        raise BadInputError(f"{fold.args.image_shard}: found {told}, expected {expected}, which {where} reads")
    if beside:
        _require_beside(fold, model.tile_width_beside, where)


def require_same_tiles_beside(fold: Fold, model: NetworkSettings, where: Path) -> None:
    """The same of weights that were trained on slides alone, which the fold has beside scans."""
    _require_beside(fold, model.tile_width, where)


def _require_beside(fold: Fold, width: int | None, where: Path) -> None:
    found = None if fold.beside is None else fold.beside.width
    if found != width:
        told, expected = (f"tiles of {one} numbers" if one else "none" for one in (found, width))
        shard = fold.args.slide_shard or "--slide-shard"
        raise BadInputError(f"{shard}: found {told}, expected {expected}, which {where} reads beside scans")


def standardise_by(model: nn.Module, training: Pairs, *, all_of_them: bool) -> None:
    """Let a network that reads slides keep the mean and deviation of the training patients' tiles.

    Unless `all_of_them` are to, an encoder that has those of a pre-training stays as it is.
    """
    for name, bags in (("image_encoder", training.bags), ("slide_encoder", training.beside)):
        encoder = getattr(model, name, None)
        if bags is not None and isinstance(encoder, SlideEncoder) and (all_of_them or not encoder.is_standardised):
            encoder.standardise_by(*bags.moments())


def slide_pairs(known: FoldModalities, role: str, settings: PretrainSettings) -> SlidePairs:
    """Slides and modalities of the patients of a role who have what `settings.missing` asks for."""
    patients, tables = known.taking_part(role, settings)
    bags = bags_of_all(known.fold, patients, role)
    if settings.permuted_tiles:
        bags = bags.swapped(known.fold.run.seed + (role == TRAIN))
    return SlidePairs(bags=bags, tables=tables)


def require_for_slides(settings: PretrainSettings) -> None:
    """Raise ConfigError where a pre-training asks for what slides cannot have; a config was asked before."""
    if not settings.reads_genes:
        raise ConfigError(f"pretrain.loss: found {settings.loss}, expected a contrast with genes, for slides")
    if settings.processes > 1:
        raise ConfigError(f"pretrain.processes: found {settings.processes}, expected 1, for slides")
