"""How a class of patients is learned."""

from typing import Literal

from mgi.tasks.patient_settings import PatientSettings


class ClassificationSettings(PatientSettings):
    """Classification of patients, for runs.task classification; its label is runs.target."""

    balance: Literal["weights", "sampling", "none"] = "weights"
    """weights: the loss of a patient weighs the more the rarer its class is in training; sampling: patients of a rare
    class are drawn more often; none."""
