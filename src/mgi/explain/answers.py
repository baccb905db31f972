"""The answers of a network that are explained, as functions of a patient's measured genes alone.

N points on a path, G genes, D width, R references, S slices, K gene tokens, C channels, H W pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mgi.explain.integrated_gradients import Answer
from mgi.models.fusion import resize_logits
from mgi.models.mgi import MGI, DualEncoder
from mgi.models.patient_network import PatientNetwork

Reading = Callable[[Tensor], Tensor]
"""From standardised genes as measured (N, G) to what the network reads of them."""
THRESHOLD = 0.5


def as_measured(genes: Tensor) -> Tensor:
    """The network reads the genes as they are."""
    return genes


def within_components(components: Tensor, average: Tensor) -> Reading:
    """The network reads of the genes what lies in principal components (G, C) about the training `average` (G,).

    The projection is part of the answer: a gene counts for what its measured value does through all components.
    """

    def read(genes: Tensor) -> Tensor:
        return average + ((genes - average) @ components) @ components.T

    return read


def gene_vectors(encoders: DualEncoder, genes: Tensor) -> Tensor:
    """Unit vectors (N, D) of genes (N, G)."""
    return normalize(encoders.gene_projection(encoders.gene_pooling(encoders.gene_encoder(genes))), dim=-1)


@torch.no_grad()
def image_vectors(encoders: DualEncoder, images: Tensor) -> Tensor:
    """Unit vectors (N, D) of slices (N, C, H, W)."""
    return normalize(encoders.image_projection(encoders.image_pooling(encoders.image_encoder(images))), dim=-1)


def similarity_answer(encoders: DualEncoder, image: Tensor, read: Reading) -> Answer:
    """Cosine of the genes' vector and that of the patient's image (D,)."""
    return lambda genes: gene_vectors(encoders, read(genes)) @ image


def contrast_answer(
    encoders: DualEncoder, image: Tensor, references: Tensor, temperature: float, read: Reading
) -> Answer:
    """Log-probability, in nats, that the genes choose the patient's image (D,) among it and references (R, D)."""
    candidates = torch.cat([image.unsqueeze(0), references]).T / temperature  # D 1+R

    def answer(genes: Tensor) -> Tensor:
        return torch.log_softmax(gene_vectors(encoders, read(genes)) @ candidates, 1)[:, 0]

    return answer


class MaskAnswer(nn.Module):
    """Summed probability of tumour, in pixels, within a fixed mask (S, 1, H, W) on slices of one patient.

    Called with genes (N, G), it gives (N,). The image is encoded once. What null tokens answer is subtracted, so that 0
    means genes that add nothing; it is a constant, which no attribution depends on.
    """

    def __init__(self, network: MGI, images: Tensor, mask: Tensor, read: Reading) -> None:
        super().__init__()
        self.network, self.mask, self.read = network, mask, read
        with torch.no_grad():
            self.image_tokens, self.maps = network.see(images)
            self.without_genes = self._sums(network.tokens(None, torch.zeros(1, dtype=torch.bool, device=mask.device)))

    def forward(self, genes: Tensor) -> Tensor:
        """Genes as measured (N, G) to what they add (N,)."""
        tokens = self.network.tokens(self.network.encode(self.read(genes)), _all_have(genes))  # N K D
        return self._sums(tokens) - self.without_genes

    def _sums(self, tokens: Tensor) -> Tensor:
        points, slices = len(tokens), len(self.mask)
        logits = self.network.decoder(
            self.image_tokens.repeat(points, 1, 1),
            tokens.repeat_interleave(slices, 0),
            [one.repeat(points, 1, 1, 1) for one in self.maps],
        )
        probability = torch.sigmoid(resize_logits(logits, self.network.size)).unflatten(0, (points, slices))
        return torch.sum(probability * self.mask, (1, 2, 3, 4))


class HeadAnswer(nn.Module):
    """One number of what a network says of a patient, such as a log-odds: a mean over slices (S, C, H, W) by attention.

    Called with genes (N, G), it gives (N,); `number` makes it of the outputs (N, K). The image is encoded once.
    """

    def __init__(
        self, network: PatientNetwork, images: Tensor, number: Callable[[Tensor], Tensor], read: Reading
    ) -> None:
        super().__init__()
        self.network, self.number, self.read = network, number, read
        with torch.no_grad():
            self.images = network.image_pooling(network.image_encoder(images))  # S D
            self.weights = torch.softmax(network.attention(self.images)[:, 0], 0)

    def outputs(self, genes: Tensor) -> Tensor:
        """Genes as measured (N, G) to the patient's outputs (N, K)."""
        vectors = self.network.gene_vectors(self.network.encode(self.read(genes)), _all_have(genes))  # N D
        points, slices = len(vectors), len(self.images)
        joined = [self.images.repeat(points, 1), vectors.repeat_interleave(slices, 0)]
        each = self.network.head(torch.cat(joined, 1)).unflatten(0, (points, slices))  # N S K
        return torch.einsum("s,nsk->nk", self.weights, each)

    def forward(self, genes: Tensor) -> Tensor:
        """The number of each row."""
        return self.number(self.outputs(genes))


def _all_have(genes: Tensor) -> Tensor:
    """Yes for each row of genes (N, G)."""
    return torch.ones(len(genes), dtype=torch.bool, device=genes.device)


def log_odds(outputs: Tensor, chosen: int) -> Tensor:
    """The log-odds (N,) of one class against all others, from logits (N, K)."""
    others = [number for number in range(outputs.shape[1]) if number != chosen]
    return outputs[:, chosen] - torch.logsumexp(outputs[:, others], 1)


@torch.no_grad()
def predicted_probability(network: MGI, images: Tensor, genes: Tensor) -> Tensor:
    """Probability of tumour (S, 1, H, W) on slices of one patient, from what the network reads of its genes (G,)."""
    owner = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    has_genes = torch.ones(1, dtype=torch.bool, device=images.device)
    return torch.sigmoid(network(images, genes.unsqueeze(0), owner, has_genes))
