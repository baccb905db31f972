import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mgi.core.digesting import DigestingFile


def test_the_digest_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with DigestingFile(path) as sink, pq.ParquetWriter(sink, pa.schema({"x": pa.int64()})) as writer:
        writer.write_table(pa.table({"x": list(range(10_000))}))
    assert sink.closed
    assert sink.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert pq.read_table(path)["x"].to_pylist() == list(range(10_000))


def test_arrays_are_written_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "words"
    with DigestingFile(path) as sink:
        assert sink.write(memoryview(b"\1\0\2\0").cast("H")) == 4
        assert sink.tell() == 4
    assert path.read_bytes() == b"\1\0\2\0"
