"""Size and kind of the simulated cohort, from the configuration's section `simulation`."""

from dataclasses import dataclass

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from mgi_standin.errors import ConfigError


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Size and kind of the simulated cohort.

    `genes_drive_images=False` draws the genes' factors afresh, so that images and genes are independent:
    the control in which no method can gain from genes.
    """

    seed: int
    n_patients: int
    n_genes: int
    slices_min: int
    slices_max: int
    pixels: int
    genes_drive_images: bool


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
