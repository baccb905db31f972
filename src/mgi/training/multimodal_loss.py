"""What pre-training minimises with several modalities, each of which a patient may lack.

N slices of P patients with an image, R rows that have a modality, D width of the common space. A modality is contrasted
over the rows that have it, and only they are encoded: a missing one has no part in any term and no gradient.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from mgi.models.multimodal import MultimodalEncoder
from mgi.models.seeding import seeded_by_name
from mgi.training.contrastive import chance_loss, clip_loss, make_contrast, min_loss
from mgi.training.distributed import ALONE, Group
from mgi.training.multimodal_batches import ModalityRows, MultimodalBatch
from mgi.training.pretrain_loss import TEMPERATURE_BOUNDS, shares_view, squared_error_sum
from mgi.training.settings import PretrainSettings

FEWEST = 2  # rows of which one can be told from the other


@dataclass(frozen=True, kw_only=True)
class Term:
    """One contrast: its value, its lowest value, its value by chance, and its weight before division by their sum."""

    loss: Tensor
    least: float
    chance: float
    weight: float


class MultimodalLoss(nn.Module):
    """All encoders, a temperature for each contrast and, where numbers are masked, what restores them.

    Temperatures are apart because modalities say more or less of the image: one of noise asks for a high one, which
    would blur the others.
    """

    def __init__(self, encoders: MultimodalEncoder, settings: PretrainSettings) -> None:
        super().__init__()
        self.encoders, self.settings = encoders, settings
        self.contrast = make_contrast(settings.loss, settings.alpha)
        self.image_weights: dict[str, float] = dict.fromkeys(encoders.names, 1.0)
        """What each modality's contrast weighs in the gradient of the image, beside its weight in the loss."""
        pairs = combinations(encoders.names, 2) if settings.missing == "outer_genes" else ()
        start = torch.tensor(math.log(settings.temperature))
        self.log_temperatures = nn.ParameterDict(
            {
                name: nn.Parameter(start.clone(), requires_grad=settings.learn_temperature)
                for name in (*encoders.names, *map(pair_name, pairs))
            }
        )
        self.reconstruct = nn.ModuleDict()
        for name in encoders.names if settings.reconstructs_genes else ():
            encoder = encoders.of(name).encoder
            with seeded_by_name(f"reconstruct {name}"):
                self.reconstruct[name] = nn.Linear(encoder.width, encoder.tokens.n_genes)

    def temperature(self, name: str) -> Tensor:
        """The temperature of a contrast, kept within its bounds."""
        log: Tensor = self.log_temperatures[name]
        return log.exp().clamp(*TEMPERATURE_BOUNDS)

    def similarity(self, name: str, one: Tensor, other: Tensor) -> Tensor:
        """(N, D) and (R, D) to cosine / temperature of this contrast (N, R), in float32."""
        with torch.autocast(one.device.type, enabled=False):
            return one.float() @ other.float().T / self.temperature(name)

    def forward(self, batch: MultimodalBatch, group: Group = ALONE) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of the whole batch, of which this process has a part, and its terms; 0 where nothing in it can be
        told apart."""
        images = gathered(self.encoders.image_vectors(batch.images), batch.counts, group)
        return self.aligned(images, batch.patient, batch.imaged, batch.modalities, group)[:2]

    def aligned(
        self,
        images: Tensor,
        patient: Tensor,
        imaged: int,
        modalities: Mapping[str, ModalityRows],
        group: Group = ALONE,
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The same of unit vectors (N, D) of images of these patients (N,), and by modality the vectors (R, D)."""
        vectors, errors = {}, {}
        for name in self.encoders.names:
            if name in modalities:
                vectors[name], errors[name] = self.encoded(name, modalities[name], group)
        places = {name: modalities[name].places for name in vectors}
        terms = dict(self.contrasts(images, patient, vectors, places, imaged))
        contrast, least = weighted(terms, images), sum_of(terms, [term.least for term in terms.values()])
        figures = {"contrast": contrast, "min_loss": torch.tensor(least)}
        figures |= {f"contrast_{name}": term.loss for name, term in terms.items()}
        figures |= {f"min_loss_{name}": torch.tensor(term.least) for name, term in terms.items()}
        loss = contrast
        if known := {name: error for name, error in errors.items() if error is not None}:
            figures |= {f"masked_gene_loss_{name}": error for name, error in known.items()}
            whole = math.fsum(self.settings.weight_of(name) for name in known)
            parts = [self.settings.weight_of(name) / whole * error for name, error in known.items() if whole > 0]
            figures["masked_gene_loss"] = torch.stack(parts).sum() if parts else torch.zeros(())
            loss = loss + self.settings.masked_gene_weight * figures["masked_gene_loss"]
        return loss, figures, vectors

    def encoded(self, name: str, rows: ModalityRows, group: Group = ALONE) -> tuple[Tensor, Tensor | None]:
        """Unit vectors (R, D) of a modality's rows, and the mean squared error of what was masked, if anything was.

        A process without any of the rows encodes nothing and adds nothing.
        """
        encoder, masks = self.encoders.of(name), name in self.reconstruct and rows.n_hidden > 0
        if len(rows.seen) == 0:
            nothing = rows.seen.new_zeros(0, self.encoders.image_projection.out_features)
            error = group.total(rows.seen.new_zeros(())) / rows.n_hidden if masks else None
            return gathered(nothing, rows.counts, group), error
        shared = masks and shares_view(self.settings, encoder.encoder.tokens)
        seen = encoder.pooled(rows.seen.masked_fill(rows.hidden, 0.0) if shared else rows.seen)
        error = None
        if masks:
            pooled = seen if shared else encoder.pooled(rows.whole.masked_fill(rows.hidden, 0.0))
            part = squared_error_sum(self.reconstruct[name](pooled), rows.whole, rows.hidden)
            error = group.total(part) / part.new_tensor(rows.n_hidden)
        return gathered(encoder.project(seen), rows.counts, group), error

    def contrasts(
        self,
        images: Tensor,
        patient: Tensor,
        vectors: Mapping[str, Tensor],
        places: Mapping[str, Tensor],
        imaged: int,
    ) -> Iterator[tuple[str, Term]]:
        """By name each contrast of two rows or more: of the image with a modality, then of two modalities if wanted.

        `images` (N, D) belong to the patients (N,) below `imaged`, and `vectors` (R, D) to those in `places` (R,).
        """
        kind = self.settings.loss
        for name, own in vectors.items():
            has_image = places[name] < imaged
            mine, column = rows_with(places[name][has_image], patient, imaged)
            if int(has_image.sum()) >= FEWEST and len(mine) >= FEWEST:
                seen = scaled_gradient(images[mine], self.image_weights[name])
                loss = self.contrast(self.similarity(name, seen, own[has_image]), column)
                yield name, self._term(loss, kind, column, self.settings.weight_of(name))
        if self.settings.missing != "outer_genes":
            return
        for pair in combinations(vectors, 2):
            (one, other), count = pair, int(max(places[name].max() for name in pair)) + 1
            mine, column = rows_with(places[one], places[other], count)
            if len(mine) >= FEWEST:
                both = self.similarity(pair_name(pair), vectors[other][mine], vectors[one][column])
                diagonal = torch.arange(len(mine), device=mine.device)
                weight = math.sqrt(math.prod(self.settings.weight_of(name) * self.image_weights[name] for name in pair))
                yield pair_name(pair), self._term(clip_loss(both, diagonal), "clip", diagonal, weight)

    @staticmethod
    def _term(loss: Tensor, kind: str, column: Tensor, weight: float) -> Term:
        cpu = column.cpu()
        return Term(loss=loss, least=min_loss(kind, cpu), chance=chance_loss(kind, cpu), weight=weight)


def gathered(rows: Tensor, counts: Sequence[int] | None, group: Group) -> Tensor:
    """The rows of all processes, of which each gave so many."""
    return rows if counts is None else group.gather(rows.float(), counts)


def scaled_gradient(values: Tensor, scale: float) -> Tensor:
    """The same values, whose gradient is multiplied by `scale`."""
    return values if scale == 1 else values.detach() + scale * (values - values.detach())


def rows_with(places: Tensor, patient: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Which rows of `patient` (N,) are of patients in `places` (R,), all below `count`, and the place there of each."""
    place_of = torch.full((count,), -1, dtype=torch.int64, device=places.device)
    place_of[places] = torch.arange(len(places), device=places.device)
    found = place_of[patient]
    mine = (found >= 0).nonzero().flatten()
    return mine, found[mine]


def pair_name(pair: tuple[str, str]) -> str:
    """What the contrast of two modalities is called."""
    return "+".join(pair)


def sum_of(terms: Mapping[str, Term], values: Sequence[float]) -> float:
    """Numbers of the terms, weighed as their losses are; 0 where no term weighs."""
    whole = math.fsum(term.weight for term in terms.values())
    parts = (term.weight * value for term, value in zip(terms.values(), values, strict=True))
    return math.fsum(parts) / whole if whole > 0 else 0.0


def weighted(terms: Mapping[str, Term], images: Tensor) -> Tensor:
    """The mean of the losses by their weights; where there is none 0, from which gradients of 0 run to the images."""
    whole = math.fsum(term.weight for term in terms.values())
    if whole == 0:
        return images.sum() * 0.0
    return torch.stack([term.weight / whole * term.loss for term in terms.values()]).sum()
