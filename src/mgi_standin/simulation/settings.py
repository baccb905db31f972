"""Size and kind of the simulated cohort, from the configuration's section `simulation`."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from mgi_standin.errors import ConfigError

Omics = Literal["cn", "mutation", "methylation", "mirna", "rppa"]
Missing = Literal["cn", "mutation", "methylation", "mirna", "rppa", "flair", "slides"]
IMAGES: tuple[Missing, ...] = ("flair", "slides")
OMICS: tuple[Omics, ...] = get_args(Omics)


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Size and kind of the simulated cohort.

    `genes_drive_images=False` draws the genes' factors afresh, so that images and genes are independent:
    the control in which no method can gain from genes. `subtype_genes` are shared out among the three subtypes, each
    gene following one of them; 0: a subtype shows itself by the factors alone. `lesion_effect` says how
    far the factors move size, margin and brightness of a lesion. `omics` is what the GDC has beside
    expression; `missing` gives the share of patients who lack one of them, or a scan (`flair`), or slides.
    `slides` adds whole-slide images to the GDC. With `split_evidence` slides tell wild types alone, and genes tell
    codeleted tumours alone: only both tell the three subtypes. With `mismatch` most lesions of mutants without
    codeletion have a dark core.
    """

    seed: int
    n_patients: int
    n_genes: int
    slices_min: int
    slices_max: int
    pixels: int
    genes_drive_images: bool
    subtype_genes: int = 0
    lesion_effect: float = 1.0
    omics: tuple[Omics, ...] = ()
    missing: dict[Missing, float] = field(default_factory=dict)
    slides: bool = False
    split_evidence: bool = False
    mismatch: bool = False

    def __post_init__(self) -> None:
        for name, share in self.missing.items():
            if name not in (*self.omics, *IMAGES[: 1 + self.slides]):
                raise ValueError(
                    f"missing: found {name}, expected entries of omics, {IMAGES[0]}, or slides if there are"
                )
            if not 0 <= share <= 1:
                raise ValueError(f"missing: found {share} of {name}, expected 0 to 1")
        if sum(self.missing.get(name, 0.0) for name in IMAGES) > 1:
            raise ValueError("missing: found more than 1 of flair and slides together, expected nobody who lacks both")
        if self.split_evidence and not (self.slides and self.subtype_genes):
            raise ValueError("split_evidence: found true, expected slides: true and subtype_genes above 0 with it")

    def stated(self) -> dict[str, Any]:
        """The settings by name, without those that are off: an archive's identifiers outlive a setting added later."""
        off = {
            "subtype_genes": 0,
            "lesion_effect": 1.0,
            "omics": (),
            "missing": {},
            "slides": False,
            "split_evidence": False,
            "mismatch": False,
        }
        return {name: value for name, value in asdict(self).items() if name not in off or value != off[name]}


def parse_settings(text: str) -> SimulationSettings:
    """Read the section as JSON.

    Raises ConfigError naming the key where one is unknown, missing or of another type.
    """
    try:
        return TypeAdapter(SimulationSettings).validate_json(text)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        key = ".".join(map(str, ("simulation", *wrong["loc"])))
        raise ConfigError(f"{key}: found {wrong['input']!r}: {wrong['msg']}") from None
