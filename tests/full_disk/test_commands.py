"""A command on a full disk ends with one line and exit code 6, the old files stand, and no stump has a final name."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from mgi.cli import main
from mgi.core.errors import ResourceError
from small_ingestion import FLAIR, commands

COMMANDS = list(commands(Path(), Path()))
FETCHES = ("fetch rna", "fetch flair")
LESS = {"describe flair": 100}  # bytes; what it writes is smaller than the others' limit


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def line_of(stderr: str) -> str:
    assert "Traceback" not in stderr, stderr[-2000:]
    lines = [line for line in stderr.splitlines() if line.startswith(("mgi ", "mgi_standin "))]
    assert len(lines) == 1, stderr[-2000:]
    return lines[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_cannot_write_leaves_the_old_files(
    name: str, simulated: Path, ingested: Path, tmp_path: Path, limited: Any
) -> None:
    made = Path(shutil.copytree(ingested, tmp_path / "made"))
    if name in FETCHES:  # what is in place and verified is not written again
        shutil.rmtree(made / "raw")
    before = tree(made)
    least = {"limit": LESS[name]} if name in LESS else {}
    stopped = limited(["-m", "mgi", *commands(simulated, made)[name]], **least)
    assert stopped.returncode == ResourceError.exit_code
    line = line_of(stopped.stderr)
    assert "larger than files may be here" in line
    assert "MB are free" in line
    assert str(made) in line
    after = tree(made)
    assert {path: digest for path, digest in after.items() if not path.endswith(".part")} == before
    assert name in FETCHES or after == before
    assert main(commands(simulated, made)[name]) == 0, "and with room again it ends well"
    assert not [path for path in tree(made) if path.endswith(".part")]


def test_a_simulation_that_cannot_write_is_not_marked_as_complete(tmp_path: Path, limited: Any) -> None:
    settings = '{"seed": 1, "n_patients": 16, "n_genes": 750, "slices_min": 4, "slices_max": 4, "pixels": 16, '
    output = tmp_path / "archive/archive.json"
    arguments = ["--settings", settings + '"genes_drive_images": true}', "--output", str(output)]
    stopped = limited(["-m", "mgi_standin", "simulate", *arguments])
    assert stopped.returncode == ResourceError.exit_code
    assert str(output) in line_of(stopped.stderr)
    assert not output.exists()


def test_a_scan_that_cannot_write_leaves_the_old_one(tmp_path: Path, limited: Any) -> None:
    numbers = [f"P{n}\t{(7 * n) % 11}\t{(5 * n) % 13}\n" for n in range(40)]
    tables = {name: tmp_path / f"{name}.tsv" for name in ("phenotypes", "features")}
    for name, table in tables.items():
        table.write_text(f"patient_id\t{name} a\t{name} b\n" + "".join(numbers))
    given, output = [word for name, table in tables.items() for word in (f"--{name}", str(table))], tmp_path / "out"
    arguments = ["associate", *given, "--output", str(output), "--permutations=9"]
    assert main(arguments) == 0
    before = tree(tmp_path)
    stopped = limited(["-m", "mgi", *arguments, "--seed=1"])
    assert stopped.returncode == ResourceError.exit_code
    assert str(output) in line_of(stopped.stderr)
    assert tree(tmp_path) == before


def test_a_download_onto_a_disk_that_is_really_full(
    simulated: Path, ingested: Path, full_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (full_disk / "ballast").write_bytes(bytes(2_000_000 - 40_000))
    lock = ingested / "locks/flair.json"
    arguments = ["--settings", FLAIR, "--archive", str(simulated), "--lock", str(lock), "--batch", "1-of-1"]
    index = full_disk / "raw/batch-1-of-1.json"
    assert main(["fetch", "--modality", "flair", *arguments, "--output", str(index)]) == ResourceError.exit_code
    line = line_of(capsys.readouterr().err)
    assert "needs 0.00 GB, 0.00 GB are free" in line or "no space left on the disk (ENOSPC)" in line
    assert not index.exists()
