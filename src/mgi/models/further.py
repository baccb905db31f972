"""Further modalities than expression in a fine-tuned network: one token each, learned where a patient lacks one.

U patients, R of them with genes, M modalities, K_m numbers of one, T rows of what it is encoded to, D the width of gene
tokens.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from mgi.models.gene_encoder import GeneEncoder, build_gene_encoder
from mgi.models.gene_pooling import GenePooling, gene_pooling_of
from mgi.models.seeding import seeded_by_name
from mgi.models.settings import ModelSettings


def encoded_where_known(values: Tensor, parts: Callable[[Tensor], Tensor], n_parts: int, width: int) -> Tensor:
    """Numbers (R, K_m) to (R, 1 + T, D): whether a patient has them, as 1 or 0, and their `parts` (R, T, D), or zeros.

    A patient lacks the modality whose numbers are NaN. What is missing is never encoded.
    """
    has = ~values.isnan().any(1)
    rows = values.new_zeros(len(values), 1 + n_parts, width)
    if not has.any():
        return rows
    encoded = parts(values[has])  # those who have it, T, D
    known = torch.cat([torch.ones_like(encoded[:, :1]), encoded], 1)
    return rows.to(known.dtype).index_put((has.nonzero().flatten(),), known)


def known_among(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Of what `encoded_where_known` gave: which rows (R,) are of patients who have the modality, and their parts."""
    has = rows[:, 0, 0] > 0
    return has, rows[has, 1:]


class FurtherModality(nn.Module):
    """One modality: its encoder and pooling, as in pre-training, a linear projection to a token, and a null token."""

    def __init__(self, encoder: GeneEncoder, pooling: GenePooling) -> None:
        super().__init__()
        self.encoder, self.pooling = encoder, pooling
        self.projection = nn.Linear(encoder.width, encoder.width)
        self.null_token = nn.Parameter(torch.zeros(1, encoder.width))

    @property
    def n_rows(self) -> int:
        """Rows of what `encode` gives."""
        return 3 if self.pooling.kind == "mixed" else 2

    def encode(self, values: Tensor) -> Tensor:
        """Numbers (R, K_m) to (R, n_rows, D): whether the patient has them, and pooled tokens."""

        def parts(known: Tensor) -> Tensor:
            return self.pooling.parts(self.encoder(known))  # those who have it, 1 or 2, D

        return encoded_where_known(values, parts, self.n_rows - 1, self.encoder.width)

    def forward(self, rows: Tensor | None, has_genes: Tensor) -> Tensor:
        """Tokens (U, D) of what `encode` gave for those that have genes, in their order; None where nobody has."""
        tokens = self.null_token.expand(len(has_genes), -1)
        if rows is None:
            return tokens
        has, parts = known_among(rows)
        if not has.any():
            return tokens
        known = self.projection(self.pooling(parts))
        return tokens.to(known.dtype).index_put((has_genes.nonzero().flatten()[has],), known)


class FurtherModalities(nn.Module):
    """All of them by name, in the order of the names; their numbers stand behind those of `n_genes` genes, if any."""

    def __init__(self, modalities: Mapping[str, FurtherModality], numbers: Mapping[str, int], n_genes: int) -> None:
        super().__init__()
        names = sorted(modalities)
        self.modalities = nn.ModuleDict({name: modalities[name] for name in names})
        self.numbers, self.n_genes = [numbers[name] for name in names], n_genes

    def __len__(self) -> int:
        """M."""
        return len(self.modalities)

    def of(self, name: str) -> FurtherModality:
        """One modality."""
        modality = self.modalities[name]
        assert isinstance(modality, FurtherModality)
        return modality

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, sorted."""
        return tuple(self.modalities)

    @property
    def width(self) -> int:
        """D."""
        return self.of(self.names[0]).encoder.width

    @property
    def encoders(self) -> list[nn.Module]:
        """The encoder of each, in the order of the names."""
        return [self.of(name).encoder for name in self.names]

    @property
    def n_rows(self) -> int:
        """Rows of what `encode` gives."""
        return sum(self.of(name).n_rows for name in self.names)

    def apart(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Expression (R, G) and what stands behind it."""
        if (found := values.shape[1]) != (expected := self.n_genes + sum(self.numbers)):
            raise ValueError(f"{found} numbers given, {expected} expected")
        return values[:, : self.n_genes], values[:, self.n_genes :]

    def encode(self, values: Tensor) -> Tensor:
        """Numbers of all side by side to (R, n_rows, D), as far as they depend on the encoders alone."""
        parts = values.split(self.numbers, 1)
        return torch.cat([self.of(name).encode(part) for name, part in zip(self.names, parts, strict=True)], 1)

    def forward(self, rows: Tensor | None, has_genes: Tensor) -> Tensor:
        """Tokens (U, M, D) of what `encode` gave for those that have genes; null tokens for whoever lacks one."""
        sizes = [self.of(name).n_rows for name in self.names]
        parts = [None] * len(sizes) if rows is None else rows.split(sizes, 1)
        tokens = [self.of(name)(part, has_genes) for name, part in zip(self.names, parts, strict=True)]
        return torch.stack([token.to(tokens[0].dtype) for token in tokens], 1)


def build_further(settings: ModelSettings, n_genes: int) -> FurtherModalities | None:
    """Those that the network reads behind `n_genes` genes, with fresh weights; None where it reads expression alone.

    Where it reads no expression nothing stands before them.
    """
    numbers = settings.numbers_of_further
    modalities = {}
    for name in sorted(numbers):
        own = settings.for_modality(name)
        with seeded_by_name(name):
            encoder = build_gene_encoder(own, numbers[name])
            pooling = gene_pooling_of(own.gene_pooling, has_class_token=encoder.has_class_token)
            modalities[name] = FurtherModality(encoder, pooling)
    before = n_genes if settings.reads_expression else 0
    return FurtherModalities(modalities, numbers, before) if modalities else None
