from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.parquet import metadata_of, opened_parquet, read_table, require_schema, write_table

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
