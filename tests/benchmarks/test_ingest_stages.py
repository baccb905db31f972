"""Which stages of the ingestion benchmark are measured, and what it leaves between them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

INGEST = Path(__file__).parents[2] / "benchmarks/ingest"


@pytest.fixture
def stages_of(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(INGEST))
    from ingest import Stages

    return lambda commit, only="": Stages(tmp_path / "measured.json", commit, only)


def test_only_the_stages_that_were_asked_for_are_measured_and_told(stages_of):
    stages_of("a").take("shard-images", lambda: 1)
    stages = stages_of("a", "fetch-expression")
    for name in ("fetch-expression/round-1", "fetch-images/round-1", "shard-images"):
        stages.take(name, lambda: 2)
    assert stages.measured() == {"fetch-expression/round-1": 2}
    assert stages_of("a").measured() == {"shard-images": 1, "fetch-expression/round-1": 2}


def test_ours_is_measured_again_at_another_commit_and_a_peer_is_not(stages_of):
    stages_of("a").take("ours", lambda: 1)
    stages_of("a").take("peer", lambda: 1, ours=False)
    stages = stages_of("b")
    stages.take("ours", lambda: 2)
    stages.take("peer", lambda: 2, ours=False)
    assert stages.measured() == {"ours": 2, "peer": 1}


def test_a_folder_that_is_emptied_frees_its_bytes_and_its_files_go_at_the_end(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(INGEST))
    from fetching import Place

    place = Place(archive=tmp_path, server=None, work=tmp_path)
    for _ in range(2):
        (place.emptied("ours") / "file").write_bytes(b"x" * 9)
    assert list(place.emptied("ours").iterdir()) == []
    assert [path.stat().st_size for path in tmp_path.rglob("file")] == [0, 0]
    place.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["ours"]


def test_the_whole_benchmark_runs_in_small(tmp_path):
    """Else nobody sees that a command it calls has changed, until someone wants a figure."""
    output = tmp_path / "ingest.json"
    small = ["--files", "2", "--series", "2", "--rounds", "1", "--folder", tmp_path / "work", "--output", output]
    told = subprocess.run(
        [sys.executable, INGEST / "ingest.py", *small], capture_output=True, text=True, timeout=300, check=False
    )
    assert told.returncode == 0, told.stderr
    both = {f"fetch images: wall vs floor inflated by {library}" for library in ("zlib", "isal")}
    assert both | {"shard images: rate vs equal floor", "shard expression: size", "shard images: size"} <= {
        row["name"] for row in json.loads(output.read_text())
    }
