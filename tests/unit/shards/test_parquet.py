from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.parquet import (
    binary_column,
    check_seal,
    metadata_of,
    opened_parquet,
    pixel_column,
    read_pixels,
    read_table,
    require_schema,
    write_table,
)

SCHEMA = pa.schema([("name", pa.string()), ("value", pa.float64())])
TABLE = pa.table({"name": [f"n{i}" for i in range(500)], "value": np.arange(500.0)}, schema=SCHEMA)


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    write_table(tmp_path / "a", TABLE)
    write_table(tmp_path / "b", TABLE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_table(tmp_path / "a", SCHEMA).equals(TABLE)


def test_no_changed_byte_is_read_as_other_data(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(good), 150):
        data = bytearray(good)
        data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))
        try:
            assert read_table(path, SCHEMA).equals(TABLE)
        except (BadInputError, IntegrityError):
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("length", [0, 3, 100])
def test_a_cut_file_is_named(tmp_path: Path, length: int) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(IntegrityError, match=r"t\.parquet: damaged"):
        read_table(path, SCHEMA)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"t\.parquet: missing"), opened_parquet(tmp_path / "t.parquet"):
        pass


def test_other_columns_and_types_are_named() -> None:
    require_schema(SCHEMA, SCHEMA, "t")
    with pytest.raises(BadInputError, match=r"t: columns value, name;.* name, value"):
        require_schema(pa.schema([SCHEMA.field(1), SCHEMA.field(0)]), SCHEMA, "t")
    with pytest.raises(BadInputError, match=r"t: value: .*float.*double"):
        require_schema(SCHEMA.set(1, pa.field("value", pa.float32())), SCHEMA, "t")


def test_metadata_is_read_as_text_and_its_absence_named() -> None:
    table = TABLE.replace_schema_metadata({"a": "1"})
    assert metadata_of(table.schema, "t", ["a"]) == {"a": "1"}
    with pytest.raises(BadInputError, match=r"t: .*'b'"):
        metadata_of(table.schema, "t", ["a", "b"])
    with pytest.raises(BadInputError, match=r"t: .*'a'"):
        metadata_of(TABLE.schema, "t", ["a"])


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


def test_a_lack_of_memory_is_no_damage_unless_the_file_claims_what_it_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE)
    for lacking in (MemoryError(), pa.lib.ArrowMemoryError("malloc of size 1000000 failed")):
        with pytest.raises(MemoryError), opened_parquet(path):
            raise lacking
    with pytest.raises(IntegrityError, match=r"t\.parquet"), opened_parquet(path):
        raise pa.lib.ArrowMemoryError("malloc of size 17592186044416 failed")


def test_every_flipped_bit_and_every_cut_of_a_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions/unet.parquet"
    write_table(path, TABLE.slice(0, 20))
    whole = path.read_bytes()
    for place in range(len(whole)):
        for content in (whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :], whole[:place]):
            path.write_bytes(content)
            with pytest.raises(IntegrityError, match=r"unet\.parquet: damaged.*--forcerun predict_fold$"):
                check_seal(path)
    path.write_bytes(whole)
    assert read_table(path, SCHEMA).equals(TABLE.slice(0, 20))


def test_a_table_with_its_digest_is_parquet_for_others_and_what_they_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE)
    others = pq.read_table(path)
    assert others.equals(TABLE)
    pq.write_table(others, path)
    with pytest.raises(IntegrityError, match=r"t\.parquet: damaged, or not written by this mgi"):
        read_table(path, SCHEMA)


def test_a_table_made_from_another_file_is_named_and_a_source_left_behind_is_not_missed(
    tmp_path: Path,
) -> None:
    source, path = tmp_path / "tables/cohort.parquet", tmp_path / "tables/split.parquet"
    write_table(source, TABLE)
    write_table(path, TABLE, [source])
    assert read_table(path, SCHEMA).equals(TABLE)
    write_table(source, TABLE.slice(1))
    with pytest.raises(IntegrityError, match=r"split\.parquet: made from cohort\.parquet .*--forcerun split$"):
        read_table(path, SCHEMA)
    source.unlink()
    assert read_table(path, SCHEMA).equals(TABLE)
