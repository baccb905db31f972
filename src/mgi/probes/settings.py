"""Settings of the probes: which labels are asked for, and how often."""

from typing import Annotated

from pydantic import Field

from mgi.core.section import Count, Distinct, Section

Name = Annotated[str, Field(min_length=1)]


class ProbeSettings(Section):
    """What embeddings know of labels and survival, beside simple features of the same patients."""

    targets: Distinct[Name] | None = None
    """Class labels to predict; null: all that the labels have."""
    survival: bool = True
    """Whether survival is predicted too, where the labels have it."""
    labelled: Distinct[Annotated[int, Field(ge=2, le=10_000)]] = (5, 10, 25)
    """Patients of each class to learn from, beside all of them."""
    draws: Annotated[int, Field(ge=1, le=1000)] = 10
    """Times that so many patients are drawn."""
    permutations: Annotated[int, Field(ge=20, le=10_000)] = 20
    """Times that the labels of training are permuted, for the control; one permutation says nothing."""
    components: Annotated[int, Field(ge=1, le=1000)] = 20
    """Principal components of expression that genes are reduced to, for comparison."""
    variable_genes: Annotated[int, Field(ge=1, le=1_000_000)] = 5000
    """Genes that they are components of: those that vary most in training."""
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 10
    """Nearest patients that vote; fewer where fewer than three times as many are labelled."""
    smallest_class: Annotated[int, Field(ge=2, le=10_000)] = 10
    """A class of fewer patients is left out, with its patients."""
    bootstrap_draws: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """Resamplings of patients for the 95 % intervals."""
    seed: Count = 0
    """Seed of all draws."""
