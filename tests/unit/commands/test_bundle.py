import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mgi.cli import main

DATA = ["config.json", "external/admitted/values.parquet", "folds/0/genes.parquet", "shards/images/dataset.json",
        "shards/images/slices.parquet", "tables/split.tsv"]  # fmt: skip
RUNS = ["runs/unet/curves.jsonl", "runs/unet/run.json", "runs/unet/weights.safetensors"]
OTHER = [
    "raw/images/a.zip",
    "logs/x.log",
    "runs/unet/ckpt/last.pt",
    "predictions/unet.parquet",
    "shards/images/.s.part",
]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in [*DATA, *RUNS, *OTHER]:
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.bytes(300_000 if name.endswith("slices.parquet") else 1000))
    return tmp_path / "results"


def pack(results: Path, output: Path, *options: str) -> Path:
    assert main(["bundle", "pack", str(results), "--output", str(output), "--piece-mib", "0.1", *options]) == 0
    return output


def unpack(bundle: Path, output: Path, *options: str) -> int:
    return main(["bundle", "unpack", str(bundle), "--output", str(output), *options])


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_training_needs_travels_in_small_pieces_and_arrives_as_it_was(results: Path, tmp_path: Path) -> None:
    bundle = pack(results, tmp_path / "bundle")
    pieces = sorted(bundle.glob("piece-*"))
    assert len(pieces) == 4
    assert max(path.stat().st_size for path in pieces) <= 0.1 * 2**20
    assert unpack(bundle, tmp_path / "there") == 0
    assert files_in(tmp_path / "there") == {name: (results / name).read_bytes() for name in DATA}
    assert len({(tmp_path / "there" / name).stat().st_mtime_ns for name in DATA}) == 1


def test_tar_alone_reads_it(results: Path, tmp_path: Path) -> None:
    bundle, plain = pack(results, tmp_path / "bundle"), tmp_path / "plain"
    plain.mkdir()
    subprocess.run(f"cat '{bundle}'/piece-* | tar -x -C '{plain}'", shell=True, check=True)
    assert sorted(files_in(plain)) == DATA


def test_the_same_files_give_the_same_bytes_whatever_their_times(results: Path, tmp_path: Path) -> None:
    first = files_in(pack(results, tmp_path / "one"))
    for name in DATA:
        (results / name).touch()
        (results / name).chmod(0o600)
    assert files_in(pack(results, tmp_path / "two")) == first


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["runs"], RUNS),
        (["runs", "checkpoints"], ["runs/unet/ckpt/last.pt", *RUNS]),
        (["predictions"], ["predictions/unet.parquet"]),
    ],
)
def test_runs_checkpoints_and_predictions_travel_where_asked(results, tmp_path, parts, expected) -> None:
    bundle = pack(results, tmp_path / "bundle", "--parts", *parts)
    assert unpack(bundle, tmp_path / "there") == 0
    assert sorted(files_in(tmp_path / "there")) == sorted(expected)


def test_a_second_time_nothing_is_touched_even_without_the_pieces(results: Path, tmp_path: Path, capsys) -> None:
    bundle, there = pack(results, tmp_path / "bundle"), tmp_path / "there"
    assert unpack(bundle, there) == 0
    before = {name: (there / name).stat().st_mtime_ns for name in DATA}
    for piece in bundle.glob("piece-*"):
        piece.unlink()
    capsys.readouterr()
    assert unpack(bundle, there) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert {name: (there / name).stat().st_mtime_ns for name in DATA} == before


def test_missing_and_damaged_pieces_are_named_and_nothing_is_written(results: Path, tmp_path: Path, capsys) -> None:
    bundle, there = pack(results, tmp_path / "bundle"), tmp_path / "there"
    (bundle / "piece-0002").unlink()
    damaged = bytearray((bundle / "piece-0003").read_bytes())
    damaged[5] ^= 1
    (bundle / "piece-0003").write_bytes(damaged)
    assert unpack(bundle, there) == 4
    said = capsys.readouterr().err
    assert "of 4 pieces missing: piece-0002; damaged: piece-0003; copy these again" in said
    assert said.count("\n") == 1
    assert not there.exists()


def test_a_file_with_other_content_is_kept_unless_it_is_to_be_replaced(results: Path, tmp_path: Path, capsys) -> None:
    bundle, there = pack(results, tmp_path / "bundle"), tmp_path / "there"
    there.mkdir()
    (there / "config.json").write_text("mine")
    assert unpack(bundle, there) == 5
    assert "config.json: there with other content" in capsys.readouterr().err
    assert files_in(there) == {"config.json": b"mine"}
    assert unpack(bundle, there, "--replace") == 0
    assert sorted(files_in(there)) == DATA
    assert (there / "config.json").read_bytes() == (results / "config.json").read_bytes()


def test_half_an_unpacking_is_finished_by_the_next(results: Path, tmp_path: Path) -> None:
    bundle, there = pack(results, tmp_path / "bundle"), tmp_path / "there"
    assert unpack(bundle, there) == 0
    (there / "shards/images/slices.parquet").unlink()
    assert unpack(bundle, there) == 0
    assert files_in(there) == {name: (results / name).read_bytes() for name in DATA}


@pytest.mark.parametrize("name", ["../outside", "/outside", ""])
def test_a_manifest_that_leads_out_of_the_folder_is_refused(results: Path, tmp_path: Path, capsys, name: str) -> None:
    bundle = pack(results, tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"][0]["path"] = name
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    assert unpack(bundle, tmp_path / "there") == 5
    assert "expected one below the folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (["pack", "nowhere", "--output", "new"], 5, "nowhere: no files of data"),
        (["pack", "results", "--output", "results"], 2, "is not empty"),
        (["pack", "results", "--output", "new", "--piece-mib", "0"], 2, "--piece-mib: found 0"),
        (["unpack", "results", "--output", "new"], 5, "manifest.json: missing"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(results, tmp_path, monkeypatch, capsys, line, code, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bundle", *line]) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "new").exists()
