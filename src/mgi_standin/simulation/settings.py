"""Size and kind of the simulated cohort, from the configuration's section `simulation`."""

import json
from dataclasses import dataclass
from typing import get_type_hints

from mgi_standin.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Size and kind of the simulated cohort.

    `genes_drive_images=False` draws the genes' programmes afresh, so that images and genes are independent:
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
        given = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"simulation: not JSON ({error})") from None
    if not isinstance(given, dict):
        raise ConfigError(f"simulation: found {type(given).__name__}, expected a mapping of settings")
    kinds = get_type_hints(SimulationSettings)
    for name in [*given, *kinds]:
        if name not in kinds:
            raise ConfigError(f"simulation.{name}: unknown key; known keys: {', '.join(sorted(kinds))}")
        if name not in given:
            raise ConfigError(f"simulation.{name}: missing")
        if type(given[name]) is not kinds[name]:
            raise ConfigError(f"simulation.{name}: found {given[name]!r}, expected {kinds[name].__name__}")
    return SimulationSettings(**given)
