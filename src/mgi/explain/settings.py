"""What is explained, of how many patients, and how exactly."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from mgi.core.section import Count, Distinct, Section, UserPath, unit

Value = Literal["contrast", "similarity", "mask", "head"]
VALUES: tuple[Value, ...] = get_args(Value)
CONTRAST, SIMILARITY, MASK, HEAD = VALUES
TABLES_ALONE = ("gene_sets", "local", "permuted_pairs", "top")
"""Keys on which the attributions of a run do not depend."""
TOLERANCE = 0.01
"""Share of the change by which a patient's attributions may miss it."""
OF_PRETRAINING = (CONTRAST, SIMILARITY)
"""Values that a pre-training run has; the others are of networks that predict."""


class ExplainSettings(Section):
    """Integrated gradients: what each gene adds to what a network answers."""

    values: Annotated[Distinct[Value], Field(min_length=1)] | None = None
    """Answers to explain; contrast: log-probability of the patient's own image among reference images; similarity:
    cosine of image and genes; both of pre-training; mask: summed probability within the predicted mask; head: log-odds
    of the predicted class, or log of the risk; null: all that the runs have."""
    patients: Annotated[int, Field(ge=1, le=100_000), unit("patients")] = 50
    """Most test patients of a run, drawn by the seed."""
    slices: Annotated[int, Field(ge=1, le=1000), unit("slices")] = 8
    """For mask: most slices of a patient, those with the largest predicted mask."""
    references: Annotated[int, Field(ge=1, le=100_000), unit("patients")] = 64
    """For contrast: most validation patients whose images the own one is told from."""
    steps: Annotated[int, Field(ge=2, le=1600)] = 20
    """Points on the path from the average patient, with more where the attributions do not add up within 1 %."""
    noise_samples: Annotated[int, Field(ge=0, le=1000)] = 5
    """Noisy copies of a patient's genes over which attributions are averaged too; 0: without noise alone."""
    noise_sd: Annotated[float, Field(ge=0, le=10), unit("deviations of a gene")] = 0.1
    """Deviation of that noise."""
    gene_sets: UserPath | None = None
    """Path of a .gmt file of gene sets, over whose members attributions are summed; null: none."""
    top: Annotated[int, Field(ge=1, le=1000), unit("genes")] = 30
    """Genes in the global table, by mean absolute attribution."""
    local: Annotated[int, Field(ge=1, le=1000), unit("genes")] = 15
    """Genes at either end in a patient's table."""
    random_networks: Annotated[int, Field(ge=0, le=100)] = 5
    """Networks with fresh random weights that are explained too: what a gene's attribution is by chance; 0: none."""
    permuted_pairs: Annotated[int, Field(ge=0, le=100)] = 1
    """Networks that are pre-trained on images paired with other patients' genes, and explained as a check: what a
    gene's attribution is where pairs tell nothing. Each costs a pre-training; 0: none."""
    attention_patients: Annotated[int, Field(ge=0, le=1000), unit("patients")] = 4
    """For mask: patients for whom a map shows where gene tokens look."""
    seed: Count = 0
    """Seed of patients, references, noise, random weights and bootstrap."""
