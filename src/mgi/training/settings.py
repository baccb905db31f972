"""Schedules of pre-training, fine-tuning and prediction; every default is ours, the paper gives none."""

from dataclasses import dataclass, field
from typing import Literal

from mgi.core.errors import ConfigError
from mgi.datasets.augment import AugmentSettings


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings:
    """One optimiser run: AdamW with linear warm-up and cosine decay, gradients clipped at norm 1.

    `batch` counts slices (patients, in pre-training); steps between validations and between checkpoints. `precision`
    is that of the networks' activations: bf16 is mixed precision on a GPU, with parameters and states in float32.
    `averaging` is the decay a step of the running average of the weights that is validated and kept; 0 keeps the
    weights themselves.
    """

    steps: int
    batch: int = 16
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    warmup_steps: int = 50
    validate_every: int = 100
    checkpoint_every: int = 100
    precision: Literal["float32", "bf16"] = "float32"
    averaging: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """Contrastive alignment of image and gene encoders, and what is learned beside it; a weight of 0 turns a part off.

    `alpha` weighs the slices' choice among genes in the loss `alpha`. `gene_noise` is the deviation of Gaussian noise
    added to standardised expression, an augmentation for few patients. `masked_genes` is the share of genes that are
    hidden and reconstructed: single ones at random, or a span of consecutive tokens, in a pass of their own or in the
    one that the contrast reads, which then sees the hidden ones as the training mean. `masked_patches` is the share of
    image patches in the span that is hidden. `rna_only_batch` patients without image join each step for their masked
    genes. `processes` says how many the workflow starts by torchrun; the batch is divided among them.
    """

    schedule: ScheduleSettings
    loss: Literal["joint", "clip", "alpha", "multi_positive"] = "clip"
    alpha: float = 0.75
    slices_per_patient: int = 1
    temperature: float = 0.07
    learn_temperature: bool = True
    masked_genes: float = 0.5
    masked_gene_shape: Literal["random", "span"] = "random"
    masked_gene_weight: float = 1.0
    masked_gene_pass: Literal["own", "shared"] = "own"
    rna_only_batch: int = 0
    masked_patches: float = 0.25
    masked_patch_weight: float = 0.0
    triplet_weight: float = 0.0
    triplet_margin: float = 0.2
    gene_noise: float = 0.0
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    compile: bool = False
    processes: int = 1

    def __post_init__(self) -> None:
        if self.slices_per_patient > 1 and self.loss != "multi_positive":
            raise ConfigError(
                f"pretrain.loss: found {self.loss}, expected multi_positive with slices_per_patient "
                f"{self.slices_per_patient}: other losses would push slices of one patient from its genes"
            )
        if self.triplet_weight > 0 and self.slices_per_patient < 2:
            raise ConfigError("pretrain.slices_per_patient: found 1, expected 2 or more for a triplet_weight above 0")
        if self.schedule.batch < self.processes:
            raise ConfigError(
                f"pretrain.schedule.batch: found {self.schedule.batch}, expected at least pretrain.processes, "
                f"{self.processes}"
            )

    @property
    def reconstructs_genes(self) -> bool:
        """Whether masked genes are part of the loss."""
        return self.masked_gene_weight > 0 and self.masked_genes > 0


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings:
    """Segmentation training, the same for every method.

    The encoders of MGI learn at `encoder_rate` of the learning rate, after `decoder_only_steps` in which they rest;
    `gene_dropout` is the share of patients in a batch whose genes are replaced by the null token. Slices are drawn by
    tumour area plus `area_floor` times the mean area.
    """

    schedule: ScheduleSettings
    image_encoder_rate: float = 0.1
    gene_encoder_rate: float = 0.1
    decoder_only_steps: int = 0
    gene_dropout: float = 0.3
    gene_noise: float = 0.0
    area_floor: float = 0.1
    augment: AugmentSettings = field(default_factory=AugmentSettings)


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """`permutations` derangements of the test patients' genes make the permuted control.

    With `mirrored` a slice is segmented twice, the second time left for right, and the logits are averaged.
    """

    batch: int = 64
    permutations: int = 5
    mirrored: bool = False
    seed: int = 0
