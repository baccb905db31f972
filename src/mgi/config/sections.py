"""Sections that belong to the run as a whole and to no room of the package."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from mgi.core.run import CONTROLS, Control
from mgi.core.section import Count, Distinct, Positive, Section, unit
from mgi.models.settings import Method

METHODS: tuple[Method, ...] = get_args(Method)


class SimulationSettings(Section):
    """A simulated cohort, served as an archive."""

    seed: Count
    """Seed of the cohort."""
    n_patients: Annotated[int, Field(ge=3), unit("patients")]
    """Some lack a mask, an image or a tumour sample, as in the real archives."""
    n_genes: Annotated[int, Field(ge=750, le=60660), unit("genes")]
    """Genes in each expression file."""
    slices_min: Annotated[int, Field(ge=1), unit("slices")]
    """Fewest slices of a patient."""
    slices_max: Annotated[int, Field(ge=1), unit("slices")]
    """Most slices of a patient."""
    pixels: Annotated[int, Field(ge=16, le=512), unit("pixels")]
    """Side of the square slices."""
    genes_drive_images: bool
    """Whether a patient's genes shape the lesion; false: genes and images are independent, and no method can gain."""


class LeakyRuns(Section):
    """Models trained with the test's patients in training, for the paper-like table alone."""

    methods: Annotated[Distinct[Method], Field(min_length=1)] = METHODS
    """Networks to train."""
    folds: Annotated[Distinct[Count], Field(min_length=1)] = (0,)
    """Folds to test, from 0 to split.folds - 1."""
    seeds: Annotated[Distinct[Count], Field(min_length=1)] = (0,)
    """Seeds of training."""
    controls: Distinct[Control] = CONTROLS
    """MGI trained again for the gene audit: no-genes: without any genes; random-id: on random numbers that name a
    patient, pre-training included; no-pretraining: from random weights."""


class RunsSettings(LeakyRuns):
    """Which models are trained; one run for each combination of methods, folds and seeds."""

    renamed: ClassVar = {"slice_split": "leaky_slice_split"}
    task: Annotated[str, Field(min_length=1)] = "segmentation"
    """What the methods are trained for: segmentation, or a task of a plugin."""
    folds: Annotated[Distinct[Count], Field(min_length=1)] = (0, 1, 2, 3, 4)
    """Folds to test, from 0 to split.folds - 1."""
    leaky_slice_split: LeakyRuns | None = None
    """Networks trained with the test's patients in training, for the paper-like table alone (config/paper-like.yaml);
    null: none."""


class ComputeSettings(Section):
    """How much of the machine a job may use; nothing here changes a result."""

    threads: Positive = 8
    """CPU threads of a training or prediction job."""
    gpu: Count = 1
    """GPUs of a training or prediction job; 0 trains on the CPU."""
    environment: Literal["train", "train-gpu"] = "train"
    """Conda environment of those jobs; train-gpu has mamba-ssm's kernels."""
    train_mem_mb: Annotated[int, Field(ge=500), unit("MB")] = 16000
    """Memory of such a job."""
    train_runtime: Annotated[int, Field(ge=1), unit("minutes")] = 720
    """Time that such a job may take on a cluster."""
