"""Schedules of pre-training, fine-tuning and prediction; every default is ours, the paper gives none."""

from dataclasses import dataclass, field
from typing import Literal

from mgi.datasets.augment import AugmentSettings


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings:
    """One optimiser run: AdamW with linear warm-up and cosine decay, gradients clipped at norm 1.

    `batch` counts slices (patients, in pre-training); steps between validations and between checkpoints. `precision`
    is that of the networks' activations: bf16 is mixed precision on a GPU, with parameters and states in float32.
    """

    steps: int
    batch: int = 16
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    warmup_steps: int = 50
    validate_every: int = 100
    checkpoint_every: int = 100
    precision: Literal["float32", "bf16"] = "float32"


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """Contrastive alignment of image and gene encoders.

    `gene_noise` is the deviation of Gaussian noise added to standardised expression, an augmentation for few patients.
    `masked_genes` is the share of genes that are masked and reconstructed, with `masked_gene_weight` in the loss.
    """

    schedule: ScheduleSettings
    masked_genes: float = 0.5
    masked_gene_weight: float = 1.0
    loss: Literal["joint", "clip"] = "clip"
    temperature: float = 0.07
    learn_temperature: bool = True
    gene_noise: float = 0.0
    augment: AugmentSettings = field(default_factory=AugmentSettings)


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings:
    """Segmentation training, the same for every method.

    The encoders of MGI learn at `encoder_rate` of the learning rate, after `decoder_only_steps` in which they rest;
    `gene_dropout` is the share of patients in a batch whose genes are replaced by the null token.
    """

    schedule: ScheduleSettings
    image_encoder_rate: float = 0.1
    gene_encoder_rate: float = 0.1
    decoder_only_steps: int = 0
    gene_dropout: float = 0.3
    gene_noise: float = 0.0
    augment: AugmentSettings = field(default_factory=AugmentSettings)


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """`permutations` derangements of the test patients' genes make the permuted control."""

    batch: int = 64
    permutations: int = 5
    seed: int = 0
