"""A lock is stale when its Snakemake is gone, and only then."""

import subprocess
import sys
from pathlib import Path

from lib.stale_lock import is_stale


def test_no_lock_and_an_empty_lock_folder_are_fine(tmp_path: Path) -> None:
    assert not is_stale(tmp_path)
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    assert not is_stale(tmp_path)


def test_a_lock_is_stale_unless_a_snakemake_works_in_the_folder(tmp_path: Path) -> None:
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()
    assert is_stale(tmp_path)
    stand_in = tmp_path / "snakemake"
    stand_in.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    alive = subprocess.Popen(
        [sys.executable, str(stand_in)], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with alive:
        assert alive.stdout is not None
        alive.stdout.readline()
        assert not is_stale(tmp_path)
        alive.terminate()
    assert is_stale(tmp_path)
