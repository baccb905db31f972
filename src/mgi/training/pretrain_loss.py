"""What pre-training minimises: a contrast of the two encoders, and what is restored or compared beside it.

Everything that is learned lies here, so that it is trained and saved together. What is restored counts as a sum over
elements, so that the parts of a batch that lie on several devices add up to the whole's mean.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, normalize

from mgi.models.gene_tokens import SingleGeneTokens, Tokeniser
from mgi.models.mgi import DualEncoder
from mgi.training.contrastive import make_contrast
from mgi.training.distributed import ALONE, Group
from mgi.training.pretrain_batches import Batch
from mgi.training.settings import PretrainSettings

TEMPERATURE_BOUNDS = (0.01, 0.5)


class PretrainLoss(nn.Module):
    """Both encoders with the temperature and the heads of those losses that the settings weigh.

    Besides the contrast, genes that were hidden are reconstructed from the pooled gene vector: it teaches the encoder
    the programmes in which genes move together, which the images alone do not show, and it needs no image. Hidden image
    patches are predicted from the rest of the slice and the gene vector, after GiMP's masked patch modelling.
    """

    def __init__(self, encoders: DualEncoder, settings: PretrainSettings) -> None:
        super().__init__()
        self.encoders, self.settings = encoders, settings
        self.log_temperature = nn.Parameter(
            torch.tensor(math.log(settings.temperature)), requires_grad=settings.learn_temperature
        )
        self.contrast = make_contrast(settings.loss, settings.alpha)
        genes, image = encoders.gene_encoder, encoders.image_encoder
        if settings.reconstructs_genes:
            self.reconstruct = nn.Linear(genes.width, genes.tokens.n_genes)
        if settings.masked_patch_weight > 0:
            self.mask_token = nn.Parameter(torch.zeros(image.width))
            self.predict_patches = _perceptron(image.width + genes.width, image.width)
        if settings.triplet_weight > 0:
            projection = encoders.gene_projection.out_features
            self.fuse = _perceptron(2 * projection, projection)

    def temperature(self) -> Tensor:
        """The temperature, kept within its bounds."""
        return self.log_temperature.exp().clamp(*TEMPERATURE_BOUNDS)

    def similarity(self, image_vectors: Tensor, gene_vectors: Tensor) -> Tensor:
        """(N, D) slices and (P, D) patients to cosine / temperature (N, P)."""
        with torch.autocast(image_vectors.device.type, enabled=False):  # a cosine in bfloat16 is off by up to 1/256
            return image_vectors.float() @ gene_vectors.float().T / self.temperature()

    def forward(self, batch: Batch, group: Group = ALONE) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of the whole batch, of which this process holds a part, and its terms."""
        settings, encoders = self.settings, self.encoders
        image_tokens = encoders.image_encoder(batch.images)  # n T D
        shared = settings.reconstructs_genes and shares_view(settings, encoders.gene_encoder.tokens)
        genes_seen = batch.genes
        if shared:  # with the genes of patients without image below (p + u, G), and all hidden ones as 0
            genes_seen = torch.cat([batch.genes, batch.whole[len(batch.genes) :]]).masked_fill(batch.hidden_genes, 0.0)
        pooled = self.pooled(genes_seen)
        pooled_genes = pooled[: len(batch.genes)]  # p D
        image_part = normalize(encoders.image_projection(encoders.image_pooling(image_tokens)), dim=-1)
        gene_part = normalize(encoders.gene_projection(pooled_genes), dim=-1)
        images = group.gather(image_part, batch.slice_counts)  # N D
        genes = group.gather(gene_part, batch.patient_counts)  # P D
        contrast = self.contrast(self.similarity(images, genes), batch.patient)
        loss, terms = contrast, {"contrast": contrast, "min_loss": torch.tensor(batch.min_loss)}
        if batch.n_hidden_genes > 0:
            seen = pooled if shared else self.pooled(batch.whole.masked_fill(batch.hidden_genes, 0.0))
            part = squared_error_sum(self.reconstruct(seen), batch.whole, batch.hidden_genes)
            terms["masked_gene_loss"] = group.total(part) / batch.n_hidden_genes
            loss = loss + settings.masked_gene_weight * terms["masked_gene_loss"]
        if batch.n_hidden_patches > 0:
            part = self.hidden_patch_error(batch, image_tokens, pooled_genes)
            terms["masked_patch_loss"] = group.total(part) / batch.n_hidden_patches
            loss = loss + settings.masked_patch_weight * terms["masked_patch_loss"]
        if settings.triplet_weight > 0:
            terms["triplet_loss"] = self.triplet(images, genes, batch)
            loss = loss + settings.triplet_weight * terms["triplet_loss"]
        return loss, terms

    def pooled(self, genes: Tensor) -> Tensor:
        """Standardised expression (B, G) to one vector a patient (B, D); a hidden gene is 0, the training mean."""
        return self.encoders.gene_pooling(self.encoders.gene_encoder(genes))

    def hidden_patch_error(self, batch: Batch, seen: Tensor, pooled_genes: Tensor) -> Tensor:
        """Summed error of the embeddings at the hidden patches; `seen` (n, T, D) are those of the whole slices."""
        tokens = self.encoders.image_encoder(batch.images, batch.hidden_patches, self.mask_token)
        context = pooled_genes[batch.owner].unsqueeze(1).expand(-1, tokens.shape[1], -1)
        predicted = self.predict_patches(torch.cat([tokens, context], -1))
        return embedding_error_sum(predicted, seen, batch.hidden_patches)

    def triplet(self, images: Tensor, genes: Tensor, batch: Batch) -> Tensor:
        """A slice with its genes is nearer to another slice of the patient than to itself with the next one's genes."""
        own, other = genes[batch.patient], genes[(batch.patient + 1) % len(genes)]

        def fused(image: Tensor, gene: Tensor) -> Tensor:
            return normalize(self.fuse(torch.cat([image, gene], -1)), dim=-1)

        anchor, positive = fused(images, own), fused(images[batch.sibling], own)
        return triplet_loss(anchor, positive, fused(images, other), self.settings.triplet_margin)


def shares_view(settings: PretrainSettings, tokens: Tokeniser) -> bool:
    """Whether the contrast sees the masked numbers of an encoder with these tokens, which are encoded once then."""
    by_default = settings.masked_view == "auto" and isinstance(tokens, SingleGeneTokens)
    return settings.masked_view == "shared" or by_default


def squared_error_sum(restored: Tensor, truth: Tensor, hidden: Tensor) -> Tensor:
    """Sum of squared errors over the elements (B, G) that were hidden."""
    return torch.where(hidden, restored - truth, 0.0).square().sum()


def embedding_error_sum(predicted: Tensor, seen: Tensor, hidden: Tensor) -> Tensor:
    """Squared error, a mean over the width, summed over the hidden places (B, T) of token embeddings (B, T, D).

    `seen` comes from the encoder that saw all; it is standardised per token and no gradient runs into it: else both
    sides would agree fastest by becoming constant.
    """
    target = layer_norm(seen.detach().float(), seen.shape[-1:])
    return ((predicted - target).square().mean(-1) * hidden).sum()


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, |a - p|^2 - |a - n|^2 + margin) over unit vectors (B, D)."""
    nearer = (anchor - positive).square().sum(-1) - (anchor - negative).square().sum(-1)
    return torch.relu(nearer + margin).mean()


def _perceptron(width: int, output: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, output), nn.GELU(), nn.Linear(output, output))
