"""The channels of an image beside its main one, as a shard holds them: a column of pixels, one channel below the other.

S slices, K channels beside the main one, H rows, W columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.shards.channels import MAIN, MAIN_ALONE, in_order, shown_channels
from mgi.shards.parquet import pixel_column, read_pixels
from mgi.shards.schemas import SLICES, SLICES_OF_CHANNELS


def schema_of(channels: Sequence[str]) -> pa.Schema:
    """The columns of slices with these channels."""
    return SLICES if tuple(channels) == MAIN_ALONE else SLICES_OF_CHANNELS


def check_others(others: NDArray[Any] | None, channels: Sequence[str], slices: NDArray[Any], where: str) -> None:
    """Raise BadInputError unless `others` (S, K, H, W) are all channels but that of `slices` (S, H, W)."""
    if not in_order(channels) or (others is None) != (tuple(channels) == MAIN_ALONE):
        found = f"channels {shown_channels(channels)} {'without' if others is None else 'with'} others"
        raise BadInputError(f"{where}: {found}, expected others of all but {MAIN}, in the order of the archive")
    if others is None:
        return
    expected = (len(slices), len(channels) - 1, *slices.shape[1:])
    if others.shape != expected or others.dtype != slices.dtype:
        found = f"{others.dtype} {others.shape}"
        raise BadInputError(f"{where}: others {found}, expected {slices.dtype} {expected} as the slices")
    if others.dtype.kind == "f" and not np.isfinite(others).all():
        raise BadInputError(f"{where}: others hold values that are not finite")


def columns_of(others: NDArray[Any] | None) -> dict[str, pa.Array]:
    """The column of `others` (S, K, H, W) by its name; none without them."""
    if others is None:
        return {}
    n_slices, _, _, width = others.shape
    return {"others": pixel_column(others.reshape(n_slices, -1, width))}


def read_others(table: pa.Table, dtype: np.dtype[Any], shape: tuple[int, int, int], where: str) -> NDArray[Any] | None:
    """The other channels (S, K, H, W) of a patient's rows, `shape` being (K, H, W); None where K is 0."""
    n_others, rows, columns = shape
    if n_others == 0:
        return None
    if absent := table["others"].null_count:
        raise BadInputError(f"{where}: others: null in {absent} slices, expected {n_others} channels in every one")
    stacked = read_pixels(table["others"], dtype, (n_others * rows, columns), f"{where}: others")
    return stacked.reshape(len(table), *shape)
