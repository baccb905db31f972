"""The options of commands that do one stage for one modality.

Not a command (the leading underscore hides it from the command line).
"""

import json
from argparse import ArgumentParser
from typing import Any

from mgi.core.errors import ConfigError


def add_modality_options(parser: ArgumentParser) -> None:
    """Which modality, and the options that say where its data lies on this machine."""
    parser.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    parser.add_argument("--settings", required=True, help="the modality's section of the configuration, as JSON")
    parser.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real services")
    parser.add_argument("--table", help="the user's own file or folder (overrides the one in the settings)")


def read_object(text: str, option: str) -> dict[str, Any]:
    """A JSON object of the command line.

    Raises ConfigError naming the option where it is none.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{option}: not JSON ({error})") from None
    if not isinstance(given, dict):
        raise ConfigError(f"{option}: found {type(given).__name__}, expected a mapping of settings")
    return given


def read_pairs(given: list[str], option: str) -> dict[str, str]:
    """`name=path` texts by name.

    Raises ConfigError naming the option where one has no name.
    """
    pairs = dict(one.partition("=")[::2] for one in given)
    if bad := [name for name, value in pairs.items() if not name or not value]:
        raise ConfigError(f"{option}: found {bad[0]!r}, expected NAME=PATH")
    return pairs
