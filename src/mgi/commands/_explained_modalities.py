"""The numbers of several modalities side by side, of the test patients whom `mgi explain` explains."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from mgi.commands._further_fold import FurtherFold
from mgi.commands._learning import Fold
from mgi.commands._modality_tables import FoldModalities
from mgi.core.errors import BadInputError
from mgi.core.run import EXPRESSION
from mgi.explain.multimodal_subject import Layout
from mgi.training.weights import Weights


@dataclass(frozen=True, kw_only=True)
class ExplainedModalities:
    """Of P patients the numbers (P, F) of all modalities, those of the average patient (F,), ids and names (F,).

    Where a patient lacks a modality, the average stands. `reach` (F,) is how much of a number the network reads: 1, or
    for expression the length of the gene's row of principal components. Ids of other modalities than expression begin
    with the modality's name, and these features have no names: gene sets are of genes.
    """

    layout: Layout
    numbers: Tensor
    baseline: Tensor
    sizes: Mapping[str, int]
    reach: Tensor
    ids: list[str]
    names: list[str | None]

    @classmethod
    def of(
        cls,
        fold: Fold,
        weights: Weights,
        where: Path,
        *,
        patients: list[str],
        genes: Tensor,
        average: Tensor,
        gene_names: list[str | None],
    ) -> Self | None:
        """Those that the weights read; None of expression alone. `genes` (P, G) are measured, `average` (G,) theirs.

        Raises BadInputError naming `where` if the weights were trained on other features.
        """
        if weights.modalities is None:
            return None
        known = fold.known if isinstance(fold, FurtherFold) else FoldModalities.of(fold, tuple(weights.modalities))
        if known.features != weights.modalities:
            raise BadInputError(f"{where}: trained on other features of {', '.join(known.names)}; train it again")
        tables = known.tables(patients)
        spans: dict[str, slice] = {}
        numbers, baseline, reach, ids, names = [], [], [], list[str](), list[str | None]()
        components = fold.fitted.components
        for name, size in known.sizes.items():
            spans[name] = slice(len(ids), len(ids) + size)
            features = known.features[name]
            ids += fold.gene_ids if features is None else [f"{name}:{feature}" for feature in features]
            names += gene_names if features is None else [None] * size
            own = torch.zeros(len(patients), size)  # 0 is the mean of training
            if name == EXPRESSION:
                own = genes.cpu()
            else:
                places = (tables.row_of[name] >= 0).nonzero().flatten()
                own[places] = tables.values[name][tables.row_of[name][places]]
            numbers.append(own)
            baseline.append(average.cpu() if name == EXPRESSION else torch.zeros(size))
            kept = None if name != EXPRESSION or components is None else torch.tensor(components).float()
            reach.append(torch.ones(size) if kept is None else kept.norm(dim=1))
        has = [
            [name for name, there in zip(tables.names, row, strict=True) if there] for row in tables.presence.tolist()
        ]
        return cls(
            layout=Layout(spans, has),
            numbers=torch.cat(numbers, 1).to(genes.device),  # P F
            baseline=torch.cat(baseline).to(genes.device),
            sizes=known.sizes,
            reach=torch.cat(reach),
            ids=ids,
            names=names,
        )

    def about(self, patients: list[str]) -> dict[str, Any]:
        """Numbers and patients of each modality, the patients who have none, and how much of each number reaches the
        network, a mean over patients of its distance from the average."""
        has = dict(zip(patients, self.layout.has, strict=True))
        sizes = (self.numbers - self.baseline).abs().mean(0).cpu() * self.reach
        return {
            "input_sizes": [float(f"{size:.6g}") for size in sizes.tolist()],
            "modalities": dict(self.sizes),
            "modality_patients": {name: sum(name in own for own in has.values()) for name in self.sizes},
            "without_modality": [patient for patient, own in has.items() if not own],
        }

    def counted(self) -> str:
        """The same in a line."""
        told = ", ".join(f"{size} numbers of {name}" for name, size in self.sizes.items())
        without = sum(not own for own in self.layout.has)
        return f"{told}, patients left out without any of them: {without}" if without else told
