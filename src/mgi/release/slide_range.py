"""What training patients' slides were like, the tiles that a model reads, and flags where a new slide is unlike them.

N tiles of a slide, E numbers of a tile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.section import read_record
from mgi.release.training_range import FAR, Flag, Limits, limits_of, outside
from mgi.shards.bags import Bag


@dataclass(frozen=True, kw_only=True)
class TileSource:
    """What made the vectors of tiles, of `width` numbers each: another encoder or size is another language.

    `weights_of` is the published encoder, `weights_sha256` the file of weights, where there are such; `pixel_mean` and
    `pixel_sd` are those that the config named. `min_tissue` is None of vectors that were computed elsewhere.
    """

    encoder: str
    width: int
    tile_px: int
    mpp: float
    min_tissue: float | None = None
    weights_of: str | None = None
    weights_sha256: str | None = None
    pixel_mean: tuple[float, ...] | None = None
    pixel_sd: tuple[float, ...] | None = None

    @classmethod
    def of(cls, stated: Mapping[str, Any], where: str) -> "TileSource":
        """From the description of a shard of bags. Raises BadInputError naming the entry that is wrong."""
        known = {name: stated[name] for name in cls.__dataclass_fields__ if name in stated}
        return read_record(cls, known, where)


@dataclass(frozen=True, kw_only=True)
class SlideRange:
    """Of `n_patients`: how many `tiles` their slides have, and `farthest` the largest distance of a slide's mean tile.

    `source` is what made the tiles' vectors.
    The distance is from the mean of all their tiles, the root mean square over the numbers, each in its deviations over
    tiles. `expression` is the root mean square of what the gene encoder read; None where unknown.
    """

    source: TileSource
    n_patients: int
    tiles: Limits
    farthest: float
    expression: Limits | None


Moments = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Mean and standard deviation (E,) that the network standardises tiles with."""


def measure_slides(bags: Iterable[Bag], moments: Moments, rms: Sequence[float], source: TileSource) -> SlideRange:
    """The range of training patients' slides; `rms` are sizes of their scaled genes.

    Raises BadInputError where they are fewer than two.
    """
    counts: dict[str, int] = {}
    farthest = 0.0
    for bag in bags:
        counts[bag.patient_id] = counts.get(bag.patient_id, 0) + len(bag.corners)
        farthest = max(farthest, distance_of(bag, moments))
    if len(counts) < 2:
        raise BadInputError(f"training patients: {len(counts)}, expected 2 or more to state a range")
    tiles = limits_of(list(counts.values()))
    assert tiles is not None
    return SlideRange(source=source, n_patients=len(counts), tiles=tiles, farthest=farthest, expression=limits_of(rms))


def distance_of(bag: Bag, moments: Moments) -> float:
    """Of a slide's mean tile from the mean of the training patients' tiles, in their deviations."""
    mean, sd = moments
    own = np.asarray(bag.embeddings, np.float64).mean(0)
    return float(np.sqrt((((own - mean) / sd) ** 2).mean()))


def slide_flags(bag: Bag, moments: Moments, trained: SlideRange) -> Iterator[Flag]:
    """Flags of a new slide: fewer or more tiles than any of training, or tiles unlike theirs."""
    found = distance_of(bag, moments)
    if found > trained.farthest:
        message = (
            f"the mean tile is {found:.3f} deviations from that of training, farther than that of any of its "
            f"{trained.n_patients} patients (at most {trained.farthest:.3f})"
        )
        far = found > FAR * trained.farthest
        yield Flag("mean_tile", round(found, 4), round(trained.farthest, 4), message, far=far)
    yield from outside("tiles", len(bag.corners), trained.tiles, "tiles")
