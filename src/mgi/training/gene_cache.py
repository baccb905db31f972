"""Encoded genes of patients, computed once while the gene encoder does not learn."""

import torch
from torch import Tensor, nn

from mgi.models.mgi import MGI


class GeneCache:
    """What MGI's decoder needs of a patient's genes, computed when first asked for and kept.

    Expression is recognised by its numbers, so permuted or repeated patients cost nothing. Each is encoded alone:
    the result does not depend on who else was asked for, and a resumed run gives the same numbers. No gradients
    pass. Whoever changes the encoder calls `forget`.
    """

    def __init__(self, model: MGI) -> None:
        self._model = model
        self._kept: dict[bytes, Tensor] = {}

    def encode(self, genes: Tensor) -> Tensor:
        """As `MGI.encode`, of expression (U, G) on the CPU; at least one row."""
        return torch.cat([self._row(row) for row in genes.split(1)])

    def forget(self) -> None:
        """Drop everything: the encoder has learned, or is about to."""
        self._kept.clear()

    def _row(self, row: Tensor) -> Tensor:
        key = row.numpy().tobytes()
        if key not in self._kept:
            with torch.no_grad():
                self._kept[key] = self._model.encode(row.to(self._model.null_token.device))
        return self._kept[key]


def cache_for(model: nn.Module) -> GeneCache | None:
    """A cache for MGI; other networks read no genes."""
    return GeneCache(model) if isinstance(model, MGI) else None


def forward(
    model: nn.Module, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor, cache: GeneCache | None
) -> Tensor:
    """Outputs for slices under the signature of MGI, all given on the CPU; genes through `cache` where there is one."""
    device = next(model.parameters()).device
    images, patient = images.to(device), patient.to(device)
    if cache is None or not isinstance(model, MGI):
        outputs: Tensor = model(images, genes.to(device), patient, has_genes.to(device))
        return outputs
    encoded = cache.encode(genes[has_genes]) if has_genes.any() else None
    return model.decode(images, encoded, patient, has_genes.to(device))
