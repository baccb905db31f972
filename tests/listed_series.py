"""A series as a listing shows it, for the choice of the FLAIR; what a test does not name is that of a good one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class One:
    description: str = "AXIAL FLAIR"
    key: str = "1.1"
    study_uid: str = "1"
    study_date: str | None = "1994-09-08"
    modality: str = "MR"
    n_images: int = 20
    third_party: bool = False
    patient_id: str = "TCGA-CS-4941"
    size: int = 0
    contradiction: str | None = None
    doubts: tuple[str, ...] = ()
