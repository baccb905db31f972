import io
from hashlib import sha256
from pathlib import Path

import pytest

from mgi.core.pieces import PieceReader, PieceWriter


@pytest.mark.parametrize(("total", "sizes"), [(0, []), (9, [9]), (10, [10]), (25, [10, 10, 5])])
def test_a_stream_is_cut_and_joined(tmp_path: Path, total: int, sizes: list[int]) -> None:
    data = bytes(range(total))
    with PieceWriter(tmp_path, 10) as writer:
        for start in range(0, total, 7):
            assert writer.write(data[start : start + 7]) == len(data[start : start + 7])
    assert [piece["size"] for piece in writer.pieces] == sizes
    paths = [tmp_path / piece["name"] for piece in writer.pieces]
    assert sorted(tmp_path.iterdir()) == paths
    for path, piece in zip(paths, writer.pieces, strict=True):
        assert sha256(path.read_bytes()).hexdigest() == piece["sha256"]
    with io.BufferedReader(PieceReader(paths), 4) as reader:
        assert reader.read() == data
