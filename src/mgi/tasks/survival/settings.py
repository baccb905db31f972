"""How survival of patients is learned."""

from typing import Annotated, Literal

from pydantic import Field

from mgi.tasks.patient_settings import PatientSettings


class SurvivalSettings(PatientSettings):
    """Survival of patients, for runs.task survival; times and events are those of the labels."""

    hazard: Literal["cox", "discrete"] = "cox"
    """cox: Cox's partial likelihood of one risk (ties by Efron), whose risk set is the batch: a large one is best;
    discrete: the likelihood of a hazard in each interval."""
    intervals: Annotated[int, Field(ge=2, le=1000)] = 8
    """Intervals between the cut points, which are quantiles of the event times in training: those of the hazard
    discrete, and with both hazards the times at which survival is predicted."""
