"""A fold whose patients bring further modalities beside expression to a network that is fine-tuned.

P patients, G genes, F numbers of all further modalities.
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
from mgi.training.weights import Weights

LOG = logging.getLogger(__name__)


class FurtherFold(Fold):
    """A fold whose genes (P, G + F) are expression, and behind it each further modality in the order of the names.

    The numbers of a modality that a patient lacks are NaN. So whatever takes the place of genes takes that of all.
    """

    def __init__(self, args: argparse.Namespace, run: Run, scratch: Path, names: Sequence[str]) -> None:
        super().__init__(args, run, scratch)
        self.known = FoldModalities.of(self, names)

    @property
    def features(self) -> dict[str, list[str] | None]:
        """By name the features in model order, as weights keep them; those of expression stand there as genes."""
        return {EXPRESSION: None, **self.known.features}

    @property
    def further(self) -> dict[str, int]:
        """The numbers of each further modality."""
        return self.known.sizes

    def genes(self, patients: list[str], fitted: Any = None) -> GeneRows:
        """All numbers (P, G + F) of these patients, some at a time in memory; `fitted` as in `Fold.genes`."""
        own, tables = super().genes(patients, fitted), self.known.tables(patients)
        joined = ScratchTable(self.scratch, (len(patients), own.shape[1] + sum(self.further.values())))
        size = block_length(joined.shape[1])
        for first in range(0, len(patients), size):
            some = torch.arange(first, min(first + size, len(patients)))
            parts = [own[some]]
            for name in tables.names:
                places, values = tables.rows(name, some)
                part = torch.full((len(some), self.further[name]), torch.nan)
                part[places] = values.float()
                parts.append(part)
            joined.write(first, torch.cat(parts, 1).numpy())
        return GeneRows(joined)

    def average_genes(self) -> torch.Tensor:
        """Mean (G + F,) over the training patients, of a further modality over those who have it; 0 where nobody."""
        own = super().average_genes()[: len(self.gene_ids)]
        tables = self.known.tables(self.patients(TRAIN))
        means = [np.asarray(tables.values[name][:], np.float64) for name in tables.names]
        further = [values.mean(0) if len(values) else np.zeros(values.shape[1]) for values in means]
        return torch.cat([own.float(), *(torch.from_numpy(mean).float() for mean in further)])

    def identity(self) -> dict[str, Any]:
        """As of any fold, and which further modalities there are."""
        return {**super().identity(), "modalities": self.known.identity()}

    def record(self) -> dict[str, Any]:
        """As of any fold, and how many who train and validate have which further modality; the log says it too."""
        counts: dict[str, Any] = {name: {"numbers": size} for name, size in self.further.items()}
        for role in (TRAIN, VALIDATION):
            everyone = self.with_slices(role)
            for name, count in self.known.counts(everyone).items():
                counts[name][role] = count
                LOG.info("%s: %d of %d patients have %s", role, count, len(everyone), name)
        return {**super().record(), "modality_patients": counts}


def fold_reading(args: argparse.Namespace, run: Run, scratch: Path, names: Sequence[str]) -> Fold:
    """The fold of a run that reads these modalities beside expression."""
    return FurtherFold(args, run, scratch, names) if names else Fold(args, run, scratch)


def further_of(fold: Fold) -> dict[str, int]:
    """The numbers of each modality beside expression that the fold brings."""
    return fold.further if isinstance(fold, FurtherFold) else {}


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
    if set(weights.model.further) != set(given):
        raise ConfigError(
            f"--modality-shard: found {found}, expected {expected}, which {where} reads beside {EXPRESSION}"
        )
    require_pretrained_on(fold, weights, where)
