import json
from pathlib import Path

import pyarrow as pa
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, write_json
from mgi.shards.dataset_manifest import read_dataset, recorded_files, rows_of, write_dataset
from mgi.shards.parquet import write_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_table(tmp_path / "a.parquet", pa.table({"x": [1, 2, 3]}))
    write_dataset(tmp_path / "dataset.json", "toy", [tmp_path / "a.parquet"], {"simulated": True})
    return tmp_path


def test_the_description_states_rows_size_and_digest(folder: Path) -> None:
    dataset = read_dataset(folder, "toy")
    assert (dataset["kind"], dataset["simulated"]) == ("toy", True)
    assert dataset["files"]["a.parquet"]["rows"] == rows_of(folder / "a.parquet") == 3
    assert len(dataset["files"]["a.parquet"]["sha256"]) == 64


def test_the_files_can_be_read_again_against_the_description(folder: Path) -> None:
    (file,) = recorded_files(folder / "dataset.json")
    assert file.path == folder / "a.parquet"
    assert file.fault() is None
    file.path.write_bytes(file.path.read_bytes()[::-1])
    assert "sha256" in str(file.fault())


@pytest.mark.parametrize("text", ["[]", "{}", '{"files": []}', '{"files": {"a": {}}}'])
def test_a_description_without_files_is_refused(folder: Path, text: str) -> None:
    if text == "[]":
        (folder / "dataset.json").write_text(text)
    else:
        write_json(folder / "dataset.json", json.loads(text))
    with pytest.raises(BadInputError, match=r"dataset\.json: .*(files .*sha256|expected an object)"):
        recorded_files(folder / "dataset.json")


def test_a_folder_without_description_is_unfinished(folder: Path) -> None:
    (folder / "dataset.json").unlink()
    with pytest.raises(BadInputError, match=r"dataset\.json: missing"):
        read_dataset(folder, "toy")


def test_a_shard_of_another_kind_is_refused(folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"dataset\.json: .*'volumes'"):
        read_dataset(folder, "volumes")


@pytest.mark.parametrize("kind", ["expression", "images", "toy"])
def test_a_shard_of_an_older_version_has_no_seal_and_is_refused(folder: Path, kind: str) -> None:
    described = read_json(folder / "dataset.json")
    (folder / "dataset.json").write_text(json.dumps({**described, "kind": kind}))
    with pytest.raises(BadInputError, match=r"dataset\.json: content_sha256: missing .*older.*--forcerun shard"):
        read_dataset(folder, kind)


def test_other_rows_and_a_lost_file_are_refused(folder: Path) -> None:
    write_table(folder / "a.parquet", pa.table({"x": [1, 2]}))
    with pytest.raises(IntegrityError, match=r"a\.parquet: (size|rows)"):
        read_dataset(folder, "toy")
    (folder / "a.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"a\.parquet: missing"):
        read_dataset(folder, "toy")


def test_other_bytes_of_the_same_size_are_found_by_digest_only(folder: Path) -> None:
    described = read_json(folder / "dataset.json")
    described["files"]["a.parquet"]["sha256"] = "0" * 64
    write_json(folder / "dataset.json", described)
    read_dataset(folder, "toy")
    faults = [file.fault() for file in recorded_files(folder / "dataset.json")]
    assert [fault is not None and "sha256" in fault for fault in faults].count(True) == 1


def test_a_file_of_another_folder_cannot_be_described(folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.parquet: .*sub/dataset\.json"):
        write_dataset(folder / "sub" / "dataset.json", "toy", [folder / "a.parquet"], {})


def test_a_missing_entry_is_named(folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"dataset\.json: unit: missing"):
        read_dataset(folder, "toy", ("simulated", "unit"))


def test_every_flipped_bit_of_a_footer_is_noticed(folder: Path) -> None:
    """Page checksums leave the footer out: a flip there once emptied the column of patients."""
    path = folder / "a.parquet"
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(footer, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(IntegrityError, match=r"a\.parquet"):
            read_dataset(folder, "toy")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1"])
def test_a_stump_of_a_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / "a.parquet").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"a\.parquet"):
        read_dataset(folder, "toy")
