"""What a batch hides from its encoders: single elements at random, or one contiguous span of places a row."""

import torch
from torch import Tensor


def random_mask(rows: int, places: int, share: float, generator: torch.Generator) -> Tensor:
    """(rows, places): each element is hidden with probability `share`."""
    return torch.rand(rows, places, generator=generator) < share


def span_mask(rows: int, places: int, share: float, generator: torch.Generator) -> Tensor:
    """(rows, places): one run of `span_length` places a row, every start as likely as any other."""
    length = span_length(places, share)
    start = torch.randint(places - length + 1, (rows, 1), generator=generator)
    place = torch.arange(places)
    return (place >= start) & (place < start + length)


def span_length(places: int, share: float) -> int:
    """The length nearest to `share` of the places, at least one unless the share is 0."""
    return 0 if share == 0 else max(1, round(share * places))


def spread_over(mask: Tensor, width: int, places: int) -> Tensor:
    """(rows, T) of tokens to (rows, places) of the elements that they cover, `width` each, the last one cut short."""
    return mask.repeat_interleave(width, dim=1)[:, :places]
