"""Settings of the probes: which labels are asked for, and how often."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from mgi.cohort.labels.settings import LabelSettings
from mgi.core.errors import ConfigError
from mgi.core.run import Run, run_table
from mgi.core.run_choice import by_patient
from mgi.core.section import Count, Distinct, Section

Name = Annotated[str, Field(min_length=1)]


class ProbeSettings(Section):
    """What the vectors of pre-training know of labels and survival (docs/how-to/probe.md)."""

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


def check_probes(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where probes are asked for and what they need is not."""
    if config["probe"] is None:
        return
    labels = config["labels"]
    if labels["source"] is None:
        raise ConfigError("probe: found a section, expected null: labels.source is null, so nothing is to predict")
    known = LabelSettings.read(labels, where="labels").classes
    if unknown := [name for name in config["probe"]["targets"] or () if name not in known]:
        raise ConfigError(f"probe.targets: found {unknown[0]}, expected of the labels, {', '.join(known) or 'none'}")
    if not probed(run_table(config["runs"])):
        raise ConfigError("probe: found a section, expected null: runs have no pre-training, whose vectors it asks")


def probed(table: Mapping[str, Run]) -> list[str]:
    """Keys of the pre-training runs whose vectors are probed: all whose test patients are not in training."""
    return [key for key in by_patient(table) if table[key].is_pretraining]
