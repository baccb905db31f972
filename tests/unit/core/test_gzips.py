import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.core.gzips import ALWAYS_BYTES, LimitedGzip


@pytest.fixture
def bomb(tmp_path: Path) -> Path:
    path = tmp_path / "bomb.tsv.gz"
    path.write_bytes(gzip.compress((b"a" + b"\t0" * 50 + b"\n") * 100_000, mtime=0))
    return path


def test_an_honest_file_is_read_whole_by_bytes_and_lines_and_again(tmp_path: Path) -> None:
    text = b"".join(b"%d\t%d\n" % (n, n * n) for n in range(20_000))
    (tmp_path / "t.gz").write_bytes(gzip.compress(text))
    with LimitedGzip(tmp_path / "t.gz") as source:
        assert source.read() == text
        source.seek(0)
        assert source.readline() == b"0\t0\n"
        assert b"".join(source) == text[4:]
    with io.TextIOWrapper(LimitedGzip(tmp_path / "t.gz")) as lines:
        assert lines.read() == text.decode()


def test_a_small_file_may_unpack_to_a_megabyte(tmp_path: Path) -> None:
    (tmp_path / "zeros.gz").write_bytes(gzip.compress(bytes(ALWAYS_BYTES)))
    with LimitedGzip(tmp_path / "zeros.gz") as source:
        assert len(source.read()) == ALWAYS_BYTES
    (tmp_path / "zeros.gz").write_bytes(gzip.compress(bytes(ALWAYS_BYTES + 1)))
    with LimitedGzip(tmp_path / "zeros.gz") as source, pytest.raises(BadInputError, match=r"zeros\.gz: .*200"):
        source.read()


def read_on(source: LimitedGzip, way: str) -> None:
    buffer = bytearray(1 << 16)
    ways: dict[str, Callable[[], object]] = {
        "read": lambda: source.read(1 << 16),
        "read all": source.read,
        "read1": source.read1,
        "readline": source.readline,
        "readinto": lambda: source.readinto(buffer),
        "text": lambda: io.TextIOWrapper(source).read(),
    }
    while ways[way]():
        pass


@pytest.mark.parametrize("way", ["read", "read all", "read1", "readline", "readinto", "text"])
def test_no_way_of_reading_goes_past_the_limit(bomb: Path, way: str) -> None:
    with LimitedGzip(bomb) as source, pytest.raises(BadInputError, match=r"bomb\.tsv\.gz: .*200"):
        read_on(source, way)
