"""Schedules of pre-training, fine-tuning and prediction; every default is ours, the paper gives none."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mgi.core.run import COVARIATES, EXPRESSION
from mgi.core.section import Count, Modalities, ModalityName, Positive, Section, Share, Weight, refusal
from mgi.datasets.settings import AugmentSettings, Missing, NoiseShape

IMAGE_ALONE = ("simclr", "barlow_twins")
"""Losses of two random views of an image, which read no genes."""


class ScheduleSettings(Section):
    """One run of the optimiser: AdamW with linear warm-up and cosine decay, gradients clipped at norm 1."""

    renamed: ClassVar = {"averaging": "ema_decay"}
    steps: Positive
    """Steps of the optimiser."""
    batch: Annotated[int, Field(ge=1, le=65_536)] = 16
    """Slices a step (patients, in pre-training, classification and survival)."""
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = 3e-4
    """Highest learning rate of AdamW."""
    weight_decay: Weight = 0.05
    """Decoupled weight decay."""
    warmup_steps: Count = 50
    """Steps of linear warm-up."""
    validate_every: Positive = 100
    """Steps between validations."""
    patience: Count = 0
    """Validations in a row without a gain after which the run stops and keeps its best weights; 0: all steps are done.
    The rate still falls over all steps, so a run that stops early never learned at a low one; not in pre-training."""
    checkpoint_every: Positive = 100
    """Steps between checkpoints."""
    precision: Literal["float32", "bf16"] = "float32"
    """Of the networks' activations: bf16 is mixed precision, on a GPU only; parameters, losses and states stay in
    float32."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay a step of the running average of the weights, which is validated and kept; 0: the weights themselves."""


class PretrainSettings(Section):
    """Contrastive alignment of genes and images on a fold's training patients, and what is learned beside it; or
    self-supervised learning of the images alone."""

    renamed: ClassVar = {
        "masked_gene_pass": "masked_view (own → separate)",
        "rna_only_batch": "unpaired_batch",
    }
    schedule: ScheduleSettings
    """The run of the optimiser."""
    keep: Literal["last", "lowest_loss", "best_retrieval"] = "last"
    """Which weights are kept; last: those of the end; lowest_loss, best_retrieval: those of the validation with the
    lowest contrast, or the lowest mean rank of a patient's genes. What is fine-tuned is chosen anew either way."""
    loss: Literal["clip", "joint", "alpha", "multi_positive", "simclr", "barlow_twins"] = "clip"
    """clip: each pair against its row and its column; joint: against the whole batch; alpha: clip with rows and columns
    weighed; multi_positive: clip for several slices; simclr, barlow_twins: two random views of each slice (augment),
    without genes, whose encoder is not trained then."""
    alpha: Share = 0.75
    """Weight of the rows (a slice chooses genes) in the loss alpha."""
    slices_per_patient: Annotated[int, Field(ge=1, le=1000)] = 1
    """Slices of a patient in a batch, or parts of a slide without common tiles (model.max_tiles); more than 1 only with
    multi_positive."""
    redundancy_weight: Weight = 0.005
    """Weight of the correlations between different numbers of a vector, in the loss barlow_twins."""
    temperature: Annotated[float, Field(gt=0, le=1000)] = 0.07
    """Temperature at the start."""
    learn_temperature: bool = True
    """Whether the temperature is trained."""
    masked_genes: Share = 0.5
    """Share of genes that are masked and reconstructed."""
    masked_gene_shape: Literal["random", "span"] = "random"
    """random: single genes; span: consecutive tokens."""
    masked_gene_weight: Weight = 1.0
    """Weight of that reconstruction in the loss; 0: none."""
    masked_view: Literal["auto", "separate", "shared"] = "auto"
    """separate: the contrast sees all genes; shared: it sees the masked ones, at half the cost of genes; auto: shared
    where every gene is a token (model.gene_tokens: gene), else separate, which costs next to nothing there."""
    unpaired_batch: Annotated[int, Field(ge=0, le=65_536)] = 0
    """Patients with expression and no image that join a step for their masked genes."""
    masked_patches: Share = 0.25
    """Share of image patches in the one span that is masked; of a slide, of the tiles in raster order."""
    masked_patch_weight: Weight = 0.0
    """Weight of the prediction of masked patches in the loss; 0: none. Of a slide the vectors of its tiles are
    predicted, from its other tiles and the genes."""
    triplet_weight: Weight = 0.0
    """Weight of the triplet loss; above 0 only with 2 slices a patient or more."""
    triplet_margin: Weight = 0.2
    """Margin of the triplet loss."""
    gene_noise: Weight = 0.0
    """Deviation of the noise added to standardised expression, an augmentation for few patients."""
    gene_noise_shape: NoiseShape = "independent"
    """independent: of each gene; patients: with the covariance of the training patients, so that genes that go together
    move together (for modalities.rna.fit.components, whose subspace it does not leave)."""
    modalities: Modalities = (EXPRESSION,)
    """Modalities of numbers that are aligned with the image, each with an encoder of its own (model.encoders); the keys
    about genes hold for each of them. Their order does not matter. covariates: a control, of age, sex and five random
    numbers a patient."""
    missing: Missing = "inner"
    """Who takes part where a patient lacks a modality; inner: patients with an image and all of them; outer: with an
    image and any; outer_genes: also the unpaired_batch without image, by a contrast between their modalities."""
    modality_weights: Literal["mean", "measured"] | dict[ModalityName, Weight] = "mean"
    """Weights of the modalities' contrasts, divided by their sum over the modalities in the batch; mean: all alike; or
    a number for each, 1 where none is given. measured: all alike, but the image encoder learns of each by how surely
    the validation patients' images find it better than by a guess."""
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a batch's present modalities that are left out, in training alone; never a patient's last one."""
    permuted_modality: ModalityName | None = None
    """A control: this modality is handed on among patients of the same role, so that nobody keeps their own."""
    permuted_tiles: bool = False
    """A control, for slides: all tiles are dealt out anew among the patients of a role."""
    augment: AugmentSettings = AugmentSettings()
    """Random changes of images; slides have none."""
    compile: bool = False
    """Whether torch.compile is used for the image encoder, on a GPU only."""
    processes: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processes, one a GPU or sharing compute.threads, that torchrun starts; the batch is divided among them."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.slices_per_patient > 1 and self.loss != "multi_positive":
            # Other losses would push slices of one patient from its genes.
            raise refusal("slices_per_patient", self.slices_per_patient, f"1 with loss {self.loss}")
        if self.triplet_weight > 0 and self.slices_per_patient < 2:
            raise refusal("slices_per_patient", 1, "2 or more with a triplet_weight")
        if not self.reads_genes:
            self._of_images_alone()
        self._of_modalities()
        if self.schedule.patience > 0:
            raise refusal("schedule.patience", self.schedule.patience, "0, since pre-training does all its steps")
        if self.schedule.batch < self.processes:
            raise refusal("schedule.batch", self.schedule.batch, f"at least {self.processes}, one a process")
        return self

    def _of_modalities(self) -> None:
        """Raise where the keys about modalities contradict each other."""
        listed = ", ".join(self.modalities)
        named = [] if isinstance(self.modality_weights, str) else sorted(self.modality_weights)
        for key, names in (("modality_weights", named), ("permuted_modality", [self.permuted_modality])):
            if unknown := [name for name in names if name not in (None, *self.modalities)]:
                raise refusal(key, unknown[0], f"of the modalities {listed}")
        if not any(self.weight_of(name) for name in self.modalities):
            raise refusal("modality_weights", 0, "one of them above 0")
        if self.missing == "outer_genes" and len(self.modalities) < 2:
            raise refusal("missing", self.missing, f"inner or outer with the one modality {listed}")
        if self.missing == "outer_genes" and self.unpaired_batch == 0:
            raise refusal("unpaired_batch", 0, "1 or more with missing outer_genes")
        if self.is_multimodal:
            self._of_several(listed)

    def _of_several(self, listed: str) -> None:
        """Raise where something is asked for that only expression alone can have."""
        if not self.reads_genes:
            raise refusal("modalities", listed, f"{EXPRESSION} with loss {self.loss}, which reads none")

    def _of_images_alone(self) -> None:
        """Raise where a loss of images alone is to read genes, or has nothing to tell apart."""
        for key in ("masked_gene_weight", "masked_patch_weight", "triplet_weight"):
            if (weight := getattr(self, key)) > 0:
                raise refusal(key, weight, f"0 with loss {self.loss}, which reads no genes")
        if self.schedule.batch < 2:
            raise refusal("schedule.batch", self.schedule.batch, f"2 or more with loss {self.loss}")
        if not self.augment.makes_views:
            raise refusal("augment", "no change of an image", f"some with loss {self.loss}, else both views are alike")

    @property
    def is_multimodal(self) -> bool:
        """Whether other modalities than expression take part, or expression is permuted as one of them."""
        return self.modalities != (EXPRESSION,) or self.permuted_modality is not None

    def weight_of(self, name: str) -> float:
        """What a modality weighs, before division by the sum over those in the batch."""
        return 1.0 if isinstance(self.modality_weights, str) else self.modality_weights.get(name, 1.0)

    @property
    def reads_genes(self) -> bool:
        """Whether genes take part, and their encoder is trained."""
        return self.loss not in IMAGE_ALONE

    @property
    def reconstructs_genes(self) -> bool:
        """Whether masked genes are part of the loss."""
        return self.masked_gene_weight > 0 and self.masked_genes > 0


class FinetuneSettings(Section):
    """Training for the task, the same for every method."""

    renamed: ClassVar = {
        "image_encoder_rate": "image_encoder_lr_scale",
        "gene_encoder_rate": "gene_encoder_lr_scale",
        "decoder_only_steps": "freeze_encoder_steps",
        "area_floor": "empty_slice_weight",
    }
    schedule: ScheduleSettings
    """The run of the optimiser."""
    image_encoder_lr_scale: Weight = 0.1
    """Learning rate of MGI's image encoder relative to the rest; 0 keeps it frozen."""
    gene_encoder_lr_scale: Weight = 0.1
    """Learning rate of MGI's gene encoder relative to the rest; 0 keeps it frozen."""
    freeze_encoder_steps: Count = 0
    """First steps in which both encoders rest."""
    gene_dropout: Share = 0.3
    """Share of a batch's patients whose genes are replaced by the null token."""
    gene_noise: Weight = 0.0
    """Deviation of the noise added to standardised expression, an augmentation for few patients."""
    gene_noise_shape: NoiseShape = "independent"
    """independent: of each gene; patients: with the covariance of the training patients, so that genes that go together
    move together (for modalities.rna.fit.components, whose subspace it does not leave)."""
    modalities: Modalities = (EXPRESSION,)
    """Modalities of numbers that MGI reads beside the image, with or without rna. Each other has an encoder of its own
    (model.encoders), from the pre-training where that has it, and adds a token. Their order does not matter."""
    empty_slice_weight: Weight = 0.1
    """For segmentation: slices are drawn by tumour area plus so much of the mean area: the share of empty ones grows
    with it."""
    augment: AugmentSettings = AugmentSettings()
    """Random changes of images and masks."""
    processes: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processes, one a GPU or sharing compute.threads, that torchrun starts; the batch is divided among them."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.schedule.batch < self.processes:
            raise refusal("schedule.batch", self.schedule.batch, f"at least {self.processes}, one a process")
        listed = ", ".join(self.modalities)
        if COVARIATES in self.modalities:
            raise refusal("modalities", listed, f"modalities without {COVARIATES}, a control of pre-training")
        if self.further and self.gene_noise > 0 and self.gene_noise_shape == "patients":
            raise refusal("gene_noise_shape", "patients", f"independent with modalities {listed}, which patients lack")
        return self

    @property
    def further(self) -> tuple[str, ...]:
        """The modalities but expression, sorted."""
        return tuple(name for name in self.modalities if name != EXPRESSION)


class PredictSettings(Section):
    """Predictions of the test patients."""

    renamed: ClassVar = {"mirrored": "tta_flip"}
    batch: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Slices a step."""
    tta_flip: bool = False
    """Also predict of the slice's mirror image, left for right, and average the logits: test-time augmentation."""
    permutations: Annotated[int, Field(ge=0, le=10_000)] = 5
    """Times that the test patients' genes are permuted among them, for the gene audit."""
    seed: Count = 0
    """Seed of the permutations."""
