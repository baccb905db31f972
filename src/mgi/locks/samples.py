"""Which sample of a patient another modality uses, so that all data of a patient are of one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The barcode of the sample, such as TCGA-XX-XXXX-01A, that another modality uses of each patient."""

    modality: str
    of: Mapping[str, str]


NO_SAMPLES = Samples(modality="", of={})
