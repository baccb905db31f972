"""Each kind of file, written by its own writer onto a file system without room and under a limit of file sizes."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mgi.core.errors import ResourceError
from mgi.core.files import atomic_path, write_json
from mgi.core.run import Run
from mgi.shards.image_shard import PatientImages, image_shard_writer
from mgi.shards.parquet import write_table

Write = Callable[[Path, float], None]
NUMBERS = np.random.default_rng(0).random(400_000)  # 3.2 MB that do not pack


def _text(path: Path, fill: float) -> None:
    with atomic_path(path) as part:
        part.write_text(str(fill) + "".join(map(str, NUMBERS.tolist())))


def _json(path: Path, fill: float) -> None:
    write_json(path, {"fill": fill, "numbers": NUMBERS.tolist()})


def _table(path: Path, fill: float) -> None:
    write_table(path, pa.table({"x": NUMBERS + fill}))


def _shard(path: Path, fill: float) -> None:
    with image_shard_writer(path) as writer:
        for number in range(4):
            voxels = (NUMBERS.reshape(1, 500, 800) + fill).astype(np.float32)
            writer.add(
                PatientImages(
                    patient_id=f"TCGA-CS-000{number}",
                    slices=voxels,
                    masks=None,
                    spacing_mm=None,
                    positions_mm=None,
                    source="",
                )
            )


def _checkpoint(path: Path, fill: float) -> None:
    torch = pytest.importorskip("torch")
    from mgi.training.checkpoint import save_checkpoint

    save_checkpoint(path, {"x": torch.from_numpy(NUMBERS + fill)}, step=int(fill), identity="x")


def _weights(path: Path, fill: float) -> None:
    torch = pytest.importorskip("torch")
    from mgi.models.settings import ModelSettings
    from mgi.training.weights import save_weights

    module = torch.nn.Linear(1000, 800)
    save_weights(
        path,
        module,
        run=Run(task="segmentation", method="mgi", inputs=("flair",), fold=0, seed=int(fill)),
        model=ModelSettings(),
        genes=["a"],
    )


WRITERS: dict[str, Write] = {
    "text": _text, "json": _json, "table": _table, "shard": _shard, "checkpoint": _checkpoint, "weights": _weights
}  # fmt: skip


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_does_not_fit_is_named_and_leaves_nothing(name: str, full_disk: Path) -> None:
    with pytest.raises(ResourceError, match=r"file.*: .*\(ENOSPC\), \d+\.\d MB "):
        WRITERS[name](full_disk / "file", 1)
    assert state(full_disk) == {}


@pytest.mark.parametrize("name", ["text", "json", "table", "weights", "checkpoint"])
def test_the_old_file_stands_where_the_new_one_does_not_fit(name: str, full_disk: Path) -> None:
    global NUMBERS
    whole, NUMBERS = NUMBERS, NUMBERS[:20_000]
    try:
        if name == "weights":
            (full_disk / "file").write_bytes(b"old")
        else:
            WRITERS[name](full_disk / "file", 1)
    finally:
        NUMBERS = whole
    before = state(full_disk)
    with pytest.raises(ResourceError):
        WRITERS[name](full_disk / "file", 2)
    assert state(full_disk) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_of_file_sizes_is_named_and_leaves_nothing(name: str, tmp_path: Path, limited: Any) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import test_writers\n"
        "from mgi.core.errors import ResourceError\n"
        "try: test_writers.WRITERS[sys.argv[2]](Path(sys.argv[3]), 1)\n"
        "except ResourceError as error: print(error)\n"
    )
    target = tmp_path / "file"
    ended = limited(["-c", script, str(Path(__file__).parent), name, str(target)], limit=100_000)
    assert ended.returncode == 0, ended.stderr
    assert f"larger than files may be here (ulimit -f) ({errno.errorcode[errno.EFBIG]})" in ended.stdout
    assert state(tmp_path) == {}
