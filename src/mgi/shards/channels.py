"""The channels that an image may have beside FLAIR: those of the Kaggle archive, in the order of its files."""

from collections.abc import Sequence
from typing import Literal, get_args

from mgi.core.errors import BadInputError

Channel = Literal["pre", "flair", "post"]
"""The readme of the archive calls them pre-contrast, FLAIR and post-contrast; the first and the last are T1."""
CHANNELS: tuple[Channel, ...] = get_args(Channel)
FLAIR: Channel = "flair"
FLAIR_ALONE: tuple[Channel, ...] = (FLAIR,)


def in_order(channels: Sequence[str]) -> bool:
    """Whether FLAIR is among them, none is unknown or there twice, and they stand in the order of the files."""
    return FLAIR in channels and list(channels) == [one for one in CHANNELS if one in channels]


def shown_channels(channels: Sequence[str]) -> str:
    """Channels for a message."""
    return ", ".join(channels)


def require_channels(found: Sequence[str], expected: Sequence[str], where: str) -> None:
    """Raise BadInputError unless an image has the channels that a network reads."""
    if list(found) != list(expected):
        raise BadInputError(f"{where}: channels: found {shown_channels(found)}, expected {shown_channels(expected)}")
