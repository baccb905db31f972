"""The options of commands that do one stage for one modality."""

from argparse import ArgumentParser

from mgi.core.errors import ConfigError


def add_modality_options(parser: ArgumentParser) -> None:
    """Which modality, and the options that say where its data lies on this machine."""
    parser.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    parser.add_argument("--settings", required=True, help="the modality's section of the configuration, as JSON")
    parser.add_argument("--archive", help="folder of a simulated archive, served locally instead of the real services")
    parser.add_argument("--table", help="the user's own file or folder (overrides the one in the settings)")


def read_pairs(given: list[str], option: str) -> dict[str, str]:
    """`name=path` texts by name."""
    pairs = dict(one.partition("=")[::2] for one in given)
    if bad := [name for name, value in pairs.items() if not name or not value]:
        raise ConfigError(f"{option}: found {bad[0]!r}, expected NAME=PATH")
    return pairs
