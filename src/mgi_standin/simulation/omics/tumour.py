"""The molecular classes of a simulated tumour, which all its files follow, and the table of them for tests."""

from collections.abc import Sequence
from dataclasses import dataclass

from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.identifiers import OMICS_STREAM, stream_of
from mgi_standin.simulation.omics.availability import OmicsAvailability
from mgi_standin.simulation.settings import SimulationSettings

# Chance of a protein-changing mutation in each subtype.
ATRX_SHARE = {"IDHmut-codel": 0.0, "IDHmut-non-codel": 0.85, "IDHwt": 0.0}
TP53_SHARE = {"IDHmut-codel": 0.05, "IDHmut-non-codel": 0.95, "IDHwt": 0.2}
LEAST_PURITY, MOST_PURITY = 0.45, 0.95
TRUTH = ("patient_id", "idh", "codel", "atrx", "tp53", "gain7loss10", "subtype", "ploidy")


@dataclass(frozen=True, kw_only=True)
class Tumour:
    """One tumour; `name` names its random streams: the patient's, and another one for a recurrence.

    `purity` is the share of tumour cells in the sample, `ploidy` the number of copies that most genes have (2 or 4).
    """

    patient_id: str
    name: str
    subtype: str
    factors: dict[str, float]
    purity: float
    ploidy: int
    atrx: bool
    tp53: bool

    @property
    def idh(self) -> bool:
        """Whether IDH1 or IDH2 is mutated."""
        return self.subtype != "IDHwt"

    @property
    def codel(self) -> bool:
        """Whether 1p and 19q are lost."""
        return self.subtype == "IDHmut-codel"

    @property
    def gain7loss10(self) -> bool:
        """Whether chromosome 7 is gained and chromosome 10 lost."""
        return self.subtype == "IDHwt"

    @property
    def feature_factors(self) -> dict[str, float]:
        """The factors that features depend on, with the subtype as one more factor."""
        return self.factors | {self.subtype: 1.0}


def draw_tumour(
    patient: SimulatedPatient, held: OmicsAvailability, settings: SimulationSettings, again: str = ""
) -> Tumour:
    """A patient's tumour, or (with a name in `again`) a recurrence, which has the same mutated genes and ploidy."""
    rng = stream_of(settings, OMICS_STREAM, f"{patient.patient_id}/drivers")
    atrx = bool(rng.random() < ATRX_SHARE[patient.subtype]) and not held.no_variants
    tp53 = bool(rng.random() < TP53_SHARE[patient.subtype]) and not held.no_variants
    name = patient.patient_id + again
    purity = float(stream_of(settings, OMICS_STREAM, f"{name}/purity").uniform(LEAST_PURITY, MOST_PURITY))
    return Tumour(
        patient_id=patient.patient_id,
        name=name,
        subtype=patient.subtype,
        factors=patient.expressed,
        purity=purity,
        ploidy=4 if held.genome_doubled else 2,
        atrx=atrx,
        tp53=tp53,
    )


def truth_row(tumour: Tumour, omics: Sequence[str], usable: Sequence[str]) -> tuple[str, ...]:
    """A row of the table: 1 or 0 for each class, and for each of `omics` whether the patient has a usable file."""
    classes = (tumour.idh, tumour.codel, tumour.atrx, tumour.tp53, tumour.gain7loss10)
    available = (name in usable for name in omics)
    flags, files = (tuple(str(int(one)) for one in values) for values in (classes, available))
    return (tumour.patient_id, *flags, tumour.subtype, str(tumour.ploidy), *files)
