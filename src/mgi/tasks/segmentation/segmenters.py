"""The networks that segment: MGI, and those of the comparison under its signature."""

import torch
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.models.baselines import BASELINES
from mgi.models.fusion import TUMOUR_LOG_ODDS
from mgi.models.gene_tokens import Members
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings


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


def build_segmenter(method: str, settings: ModelSettings, n_genes: int, gene_sets: Members | None = None) -> nn.Module:
    """The network of `method` with fresh weights, under the signature of MGI.

    Raises BadInputError where the method is unknown.
    """
    if method == "mgi":
        return build_mgi(settings, n_genes, gene_sets)
    if method in BASELINES:
        return WithoutGenes(BASELINES[method](settings))
    raise BadInputError(f"method '{method}': expected one of {['mgi', *BASELINES]}")
