"""A fold whose patients bring other modalities than expression to a network that is fine-tuned, or others beside it.

P patients, G numbers of all modalities that are read.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgi.cohort.split import TRAIN, VALIDATION
from mgi.commands._learning import Fold
from mgi.commands._modality_tables import FoldModalities
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.run import EXPRESSION, Run
from mgi.core.scratch_table import ScratchTable, block_length
from mgi.datasets.gene_rows import GeneRows
from mgi.models.settings import NetworkSettings
from mgi.training.weights import Weights

LOG = logging.getLogger(__name__)
EXPRESSION_ALONE = (EXPRESSION,)


class FurtherFold(Fold):
    """A fold whose genes (P, G) are expression where it is read, and behind it each further modality in the order of
    the names.

    The numbers of a modality that a patient lacks are NaN. So whatever takes the place of genes takes that of all.
    """

    def __init__(self, args: argparse.Namespace, run: Run, scratch: Path, names: Sequence[str]) -> None:
        super().__init__(args, run, scratch)
        self.known = FoldModalities.of(self, names)

    @property
    def features(self) -> dict[str, list[str] | None]:
        """By name the features in model order, as weights keep them; those of expression stand there as genes."""
        return self.known.features

    @property
    def reads_expression(self) -> bool:
        """Whether expression is read."""
        return EXPRESSION in self.known.names

    @property
    def further(self) -> dict[str, int]:
        """The numbers of each modality but expression."""
        return {name: size for name, size in self.known.sizes.items() if name != EXPRESSION}

    @property
    def in_order(self) -> tuple[str, ...]:
        """The modalities as their numbers stand side by side."""
        return (*(EXPRESSION_ALONE if self.reads_expression else ()), *self.further)

    def genes(self, patients: list[str]) -> GeneRows:
        """All numbers (P, G) of these patients, some at a time in memory."""
        tables, sizes = self.known.tables(patients), self.known.sizes
        joined = ScratchTable(self.scratch, (len(patients), sum(sizes.values())))
        size = block_length(joined.shape[1])
        for first in range(0, len(patients), size):
            some = torch.arange(first, min(first + size, len(patients)))
            parts = []
            for name in self.in_order:
                places, values = tables.rows(name, some)
                part = torch.full((len(some), sizes[name]), torch.nan)
                part[places] = values.float()
                parts.append(part)
            joined.write(first, torch.cat(parts, 1).numpy())
        return GeneRows(joined)

    def average_genes(self) -> torch.Tensor:
        """Mean (G,) over the training patients, of a further modality over those who have it; 0 where nobody."""
        tables, means = self.known.tables(self.patients(TRAIN)), []
        for name in self.in_order:
            if name == EXPRESSION:
                means.append(super().average_genes().float())
                continue
            values = np.asarray(tables.values[name][:], np.float64)
            mean = values.mean(0) if len(values) else np.zeros(values.shape[1])
            means.append(torch.from_numpy(mean).float())
        return torch.cat(means)

    def having_any(self, patients: list[str]) -> list[str]:
        """Those of these patients who have any of the modalities."""
        has = self.known.tables(patients).presence.any(1).tolist() if patients else []
        return [patient for patient, there in zip(patients, has, strict=True) if there]

    def identity(self) -> dict[str, Any]:
        """As of any fold, and which further modalities there are."""
        return {**super().identity(), "modalities": self.known.identity()}

    def record(self) -> dict[str, Any]:
        """As of any fold, and how many who train and validate have which further modality; the log says it too."""
        counts: dict[str, Any] = {name: {"numbers": size} for name, size in self.further.items()}
        for role in (TRAIN, VALIDATION):
            everyone = self.with_slices(role)
            found = self.known.counts(everyone)
            for name in self.further:
                counts[name][role] = found[name]
                LOG.info("%s: %d of %d patients have %s", role, found[name], len(everyone), name)
        return {**super().record(), "modality_patients": counts}


def fold_reading(args: argparse.Namespace, run: Run, scratch: Path, names: Sequence[str]) -> Fold:
    """The fold of a run whose network reads these modalities; of one that reads no genes they are expression alone."""
    return Fold(args, run, scratch) if tuple(names) == EXPRESSION_ALONE else FurtherFold(args, run, scratch, names)


def further_of(fold: Fold) -> dict[str, int]:
    """The numbers of each modality but expression that the fold brings."""
    return fold.further if isinstance(fold, FurtherFold) else {}


def reads_expression(fold: Fold) -> bool:
    """Whether the network is to read expression: always but where the fold brings further modalities alone."""
    return not isinstance(fold, FurtherFold) or fold.reads_expression


def modalities_of(model: NetworkSettings, given: Sequence[str]) -> tuple[str, ...]:
    """The modalities that a trained network reads, where a command was given these further ones."""
    return tuple(sorted({*given, *(EXPRESSION_ALONE if model.expression or not given else ())}))


def require_pretrained_on(fold: Fold, weights: Weights, where: Path) -> None:
    """Raise BadInputError where the weights were pre-trained on other features of a modality that the fold brings."""
    own = fold.features if isinstance(fold, FurtherFold) else {}
    for name in sorted(set(own) & set(weights.modalities or {})):
        if own[name] != (weights.modalities or {})[name]:
            raise BadInputError(f"{where}: trained on other features of {name}; train it again")


def require_read(fold: Fold, weights: Weights, where: Path) -> None:
    """Raise where a fine-tuned network reads other modalities or features than the fold brings."""
    given = further_of(fold)
    expected, found = (", ".join(sorted(names)) or "none" for names in (weights.model.further, given))
    beside = f" beside {EXPRESSION}" if weights.model.expression else ""
    if set(weights.model.further) != set(given):
        raise ConfigError(f"--modality-shard: found {found}, expected {expected}, which {where} reads{beside}")
    require_pretrained_on(fold, weights, where)
