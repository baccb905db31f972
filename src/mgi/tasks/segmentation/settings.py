"""What is tested, and how often patients are drawn again for an interval."""

from typing import Annotated, Literal

from pydantic import Field

from mgi.core.section import Count, Section

DiceDefinition = Literal[
    "volume",
    "volume_largest_component",
    "slice_positive",
    "slice_all_empty_one",
    "slice_all_empty_skipped",
    "slice_five_thresholds",
]


class EvaluationSettings(Section):
    """Intervals and tests over patients."""

    bootstrap_draws: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Resamplings of the patients behind each interval."""
    seed: Count = 0
    """Seed of the resamplings."""
    headline: DiceDefinition = "volume"
    """Definition of Dice that is tested and audited."""
