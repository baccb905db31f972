"""The channels that an image may have, in the order of its files: FLAIR, which is the main one, and T1 beside it."""

from collections.abc import Sequence
from typing import Literal, get_args

from mgi.core.errors import BadInputError

Channel = Literal["pre", "flair", "post"]
"""The Kaggle archive's readme calls them pre-contrast, FLAIR and post-contrast; the first and the last are T1."""
CHANNELS: tuple[Channel, ...] = get_args(Channel)
MAIN: Channel = "flair"
MAIN_ALONE: tuple[Channel, ...] = (MAIN,)


def in_order(channels: Sequence[str]) -> bool:
    """Whether the main one is among them, none is unknown or there twice, and they stand in the order of the files."""
    return MAIN in channels and list(channels) == [one for one in CHANNELS if one in channels]


def shown_channels(channels: Sequence[str]) -> str:
    """Channels for a message."""
    return ", ".join(channels)


def require_channels(found: Sequence[str], expected: Sequence[str], where: str) -> None:
    """Raise BadInputError unless an image has the channels that a network reads."""
    if list(found) != list(expected):
        raise BadInputError(f"{where}: channels: found {shown_channels(found)}, expected {shown_channels(expected)}")
