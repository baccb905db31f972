import numpy as np
import pyarrow as pa
import pytest

from mgi.core.errors import BadInputError
from mgi.shards.byte_shuffle import binary_column, pixel_column, read_pixels

RNG = np.random.default_rng(0)


def test_the_low_bytes_of_all_pixels_come_before_the_high_ones() -> None:
    column = pixel_column(np.array([[[0x0102, 0x0304]], [[-1, 5]]], np.int16))
    assert column.to_pylist() == [b"\x02\x04\x01\x03", b"\xff\x05\xff\x00"]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", ">i2"])
def test_what_is_stored_is_read_back_bit_by_bit(dtype: str) -> None:
    slices = RNG.integers(-99 if dtype not in ("uint8", "uint16") else 0, 99, (3, 4, 5)).astype(dtype)
    native = slices.astype(slices.dtype.newbyteorder("="))
    found = read_pixels(pa.chunked_array([pixel_column(slices)]), native.dtype, (4, 5), "x")
    assert np.array_equal(found, native)
    assert found.dtype == native.dtype


def test_a_view_that_is_not_contiguous_is_stored_in_its_own_order() -> None:
    slices = np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(0, 2, 1)
    found = read_pixels(pa.chunked_array([pixel_column(slices)]), np.dtype(np.int16), (4, 3), "x")
    assert np.array_equal(found, slices)


def test_a_value_of_another_size_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"x: 12 .*24 .*3 x 4"):
        read_pixels(pa.chunked_array([binary_column(np.zeros((2, 12), np.uint8))]), np.dtype(np.int16), (3, 4), "x")


def test_more_bytes_than_a_column_can_count_are_refused() -> None:
    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (3, 1 << 30), (0, 0))
    with pytest.raises(BadInputError, match=r"3221225472.*2 GiB"):
        binary_column(huge)
