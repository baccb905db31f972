"""A fold whose patients are seen by slides: their bags of tiles, in a file of this job."""

import logging
from collections.abc import Sequence

from mgi.cohort.split import TRAIN
from mgi.commands._learning import Fold
from mgi.commands._modality_tables import FoldModalities
from mgi.core.errors import BadInputError, ConfigError
from mgi.datasets.slide_bags import SlideBags
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
