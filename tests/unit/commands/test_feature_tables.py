"""Methylation, microRNAs and proteins from the simulated GDC to what a fold fits, by the commands."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mgi.cli import main
from mgi.core.files import read_json
from mgi.locks.lock import Lock, read_lock
from mgi.locks.raw_index import read_raw_indexes
from mgi.shards.feature_shard import open_features
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

NAMES = ("methylation", "mirna", "rppa")
SIMULATION = SimulationSettings(
    seed=9, n_patients=12, n_genes=750, slices_min=4, slices_max=4, pixels=16, genes_drive_images=True, omics=NAMES
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(SIMULATION, folder)
    return folder


@pytest.fixture
def command(archive: Path, tmp_path: Path) -> Callable[..., int]:
    def run(name: str, modality: str, *more: str, **settings: object) -> int:
        files = {name: tmp_path / name / f"{modality}.json" for name in ("locks", "raw")}
        given = ["--modality", modality]
        source = ["--settings", json.dumps({"retry_base_s": 0.0, **settings}), "--archive", str(archive)]
        if name == "lock":
            return main(["lock", *given, *source, "--output", str(files["locks"]), *more])
        lock = ["--lock", str(files["locks"])]
        if name == "fetch":
            return main(["fetch", *given, *source, *lock, "--batch", "1-of-1", "--output", str(files["raw"])])
        outputs = [str(tmp_path / modality / file) for file in ("values.parquet", "features.parquet", "dataset.json")]
        return main(["shard", *given, *lock, "--index", str(files["raw"]), "--output", *outputs])

    return run


def lock_of(folder: Path, modality: str) -> Lock:
    return read_lock(folder / f"locks/{modality}.json")


@pytest.mark.parametrize("modality", NAMES)
def test_files_of_the_archive_become_a_shard_of_one_row_a_chosen_patient(
    command: Callable[..., int], tmp_path: Path, modality: str
) -> None:
    assert [command(name, modality) for name in ("lock", "fetch", "shard")] == [0, 0, 0]
    lock, shard = lock_of(tmp_path, modality), open_features(tmp_path / modality)
    assert shard.patient_ids == sorted(item.patient_id for item in lock.chosen)
    assert len(shard.patient_ids) > 6
    assert all((item.sample or "")[13:15] == "01" for item in lock.chosen)
    assert {len(item.sample or "") for item in lock.chosen} == ({19} if modality == "rppa" else {28})
    values = np.concatenate([rows for _, rows in shard.row_groups()])
    assert np.isnan(values).any() == (modality != "mirna")
    assert shard.simulated


def test_a_second_fetch_asks_for_nothing_and_gives_the_same(command: Callable[..., int], tmp_path: Path) -> None:
    assert [command(name, "mirna") for name in ("lock", "fetch")] == [0, 0]
    before = (tmp_path / "raw/mirna.json").read_bytes()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "raw/files").iterdir()}
    assert command("fetch", "mirna") == 0
    assert (tmp_path / "raw/mirna.json").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "raw/files").iterdir()} == times


def test_files_of_another_array_are_left_out_with_the_reason(command: Callable[..., int], tmp_path: Path) -> None:
    assert [command(name, "methylation", probes=486_427) for name in ("lock", "fetch")] == [0, 0]
    entries = read_raw_indexes([tmp_path / "raw/methylation.json"], "methylation").values()
    said = "another array of 3000 probes, expected 486427 as modalities.methylation.probes says"
    assert {entry.rejected for entry in entries} == {said}
    assert command("shard", "methylation") == 5  # nobody is left


def test_a_file_of_right_bytes_and_wrong_content_leaves_its_patient_out_alone(
    command: Callable[..., int], archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("lock", "methylation") == 0
    item = lock_of(tmp_path, "methylation").chosen[3]
    listing, path = archive / "gdc/files.json", archive / "gdc/data" / item.key
    honest, rows = path.read_bytes(), json.loads(listing.read_text())
    headed = b"Composite Element REF\tBeta_value\n" + honest
    changed = {"file_size": len(headed), "md5sum": hashlib.md5(headed, usedforsecurity=False).hexdigest()}
    before = listing.read_text()
    try:
        path.write_bytes(headed)
        listing.write_text(json.dumps([row | changed if row["file_id"] == item.key else row for row in rows]))
        assert [command(name, "methylation") for name in ("lock", "fetch", "shard")] == [0, 0, 0]
    finally:
        path.write_bytes(honest)
        listing.write_text(before)
    entries = read_raw_indexes([tmp_path / "raw/methylation.json"], "methylation").values()
    rejected = {entry.patient_id: entry.rejected for entry in entries if entry.rejected is not None}
    assert list(rejected) == [item.patient_id]
    assert rejected[item.patient_id].startswith("line 1: found 'Composite Element REF Beta_value', expected a probe")
    shard = open_features(tmp_path / "methylation")
    assert item.patient_id not in shard.patient_ids
    assert len(shard.patient_ids) == len(entries) - 1


def test_the_sample_of_expression_comes_first(command: Callable[..., int], tmp_path: Path) -> None:
    assert command("lock", "rna") == 0
    rna = str(tmp_path / "locks/rna.json")
    assert command("lock", "rppa", "--same-sample-as", rna) == 0
    reasons = {item.reason for item in lock_of(tmp_path, "rppa").chosen}
    assert any("the sample of rna" in reason for reason in reasons)


def test_too_few_files_name_the_modality_and_its_workflow(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("lock", "methylation", expected_files=[500, 560]) == 4
    said = capsys.readouterr().err
    assert "modalities.methylation.expected_files" in said
    assert "SeSAMe Methylation Beta Estimation" in said


def test_the_description_says_what_the_values_are(command: Callable[..., int], tmp_path: Path) -> None:
    assert [command(name, "rppa") for name in ("lock", "fetch", "shard")] == [0, 0, 0]
    about = read_json(tmp_path / "rppa/dataset.json")
    assert (about["modality"], about["source"], about["unit"]) == ("rppa", "gdc", "normalised level")
    assert about["patients_with_fewer_antibodies"] >= 0
