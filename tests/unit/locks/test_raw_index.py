import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import write_json
from mgi.core.receipt import RecordedFile
from mgi.locks.raw_index import RawEntry, all_batches, promised_files, read_raw_index, read_raw_indexes, write_raw_index
from small_locks import flair_lock, rna_lock, series
from small_locks import profile as profile_of


def item(key: str, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(key.encode()).hexdigest()
    base = {"patient_id": "TCGA-AA-0001", "key": key, "role": "flair", "path": f"series/{key}.zip", "sha256": digest}
    return {**base, "size": 1, "md5": None, "metadata": {"n_images": 3}, **changes}


def written(folder: Path, name: str, items: list[dict[str, Any]], modality: str = "flair") -> Path:
    path = folder / name
    write_json(path, {"modality": modality, "format": 3, "source": "tcia", "items": items})
    return path


def test_paths_are_relative_to_the_index(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series/a.zip").write_bytes(b"a")
    items = read_raw_indexes(
        [written(tmp_path, "1.json", [item("a")]), written(tmp_path, "2.json", [item("b")])], "flair"
    )
    assert sorted(items) == ["a", "b"]
    assert items["a"].verified_path() == tmp_path / "series/a.zip"
    assert (items["a"].metadata["n_images"], items["a"].rejected) == (3, None)


def test_changed_and_missing_bytes_are_refused(tmp_path: Path) -> None:
    items = read_raw_indexes([written(tmp_path, "1.json", [item("a")])], "flair")
    with pytest.raises(IntegrityError, match=r"a\.zip: missing"):
        items["a"].verified_path()
    (tmp_path / "series").mkdir()
    (tmp_path / "series/a.zip").write_bytes(b"b")
    with pytest.raises(IntegrityError, match=r"a\.zip: sha256"):
        items["a"].verified_path()


def test_an_item_without_a_file_asks_for_the_table(tmp_path: Path) -> None:
    items = read_raw_indexes([written(tmp_path, "1.json", [item("a", path=None)])], "flair")
    with pytest.raises(BadInputError, match=r"^a: .*--table"):
        items["a"].verified_path()


@pytest.mark.parametrize("path", ["../a.zip", "/etc/passwd", "series/../../a"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInputError, match=r"1\.json: path '.*folder"):
        read_raw_indexes([written(tmp_path, "1.json", [item("a", path=path)])], "flair")


def test_another_modality_a_repeated_key_and_a_missing_field_are_refused(tmp_path: Path) -> None:
    first = written(tmp_path, "1.json", [item("a")])
    with pytest.raises(BadInputError, match=r"1\.json: modality: .*'flair'.*'rna'"):
        read_raw_indexes([first], "rna")
    with pytest.raises(BadInputError, match=r"1\.json: key a: .*twice"):
        read_raw_indexes([first, first], "flair")
    broken = item("a")
    del broken["sha256"]
    with pytest.raises(BadInputError, match=r"3\.json: items: a: sha256: missing"):
        read_raw_indexes([written(tmp_path, "3.json", [broken])], "flair")


def test_an_item_without_sha256_is_checked_by_its_md5(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series/a.zip").write_bytes(b"a")
    pin = {"sha256": None, "md5": hashlib.md5(b"a").hexdigest()}
    found = read_raw_indexes([written(tmp_path, "1.json", [item("a", **pin)])], "flair")["a"]
    assert found.verified_path() == tmp_path / "series/a.zip"
    assert found.digest == f"md5:{pin['md5']}"
    (tmp_path / "series/a.zip").write_bytes(b"b")
    with pytest.raises(IntegrityError, match=r"a\.zip: md5 \w+, "):
        found.verified_path()


def test_the_sha256_decides_where_both_are_given(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series/a.zip").write_bytes(b"a")
    found = read_raw_indexes([written(tmp_path, "1.json", [item("a", md5="0" * 32)])], "flair")["a"]
    found.verified_path()
    assert found.digest == found.sha256


def test_an_item_without_any_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"1\.json: items: a: sha256: missing.*md5"):
        read_raw_indexes([written(tmp_path, "1.json", [item("a", sha256=None)])], "flair")


def in_folder(folder: Path, files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """An item whose members are these files of the user's folder."""
    pairs = []
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        pairs.append([name, hashlib.sha256(data).hexdigest()])
    return item("a", **{"path": None, "sha256": None, "members": pairs, **changes})


def test_members_are_read_in_their_order_and_checked(tmp_path: Path) -> None:
    user = tmp_path / "user"
    entry = in_folder(user, {"b/2.dcm": b"two", "b/1.dcm": b"one"})
    found = read_raw_indexes([written(tmp_path, "1.json", [entry])], "flair")["a"]
    assert list(found.verified_members(user)) == [("b/2.dcm", b"two"), ("b/1.dcm", b"one")]
    (user / "b/1.dcm").write_bytes(b"One")
    with pytest.raises(IntegrityError, match=r"user/b/1\.dcm: sha256 "):
        list(found.verified_members(user))
    (user / "b/1.dcm").unlink()
    with pytest.raises(IntegrityError, match=r"b/1\.dcm: missing"):
        list(found.verified_members(user))


def test_the_digest_of_members_changes_with_any_of_them(tmp_path: Path) -> None:
    digests = set()
    for number, files in enumerate([{"1": b"a", "2": b"b"}, {"1": b"a", "2": b"c"}, {"1": b"a"}]):
        path = written(tmp_path, f"{number}.json", [in_folder(tmp_path / "user", files)])
        digests.add(read_raw_indexes([path], "flair")["a"].digest)
    assert len(digests) == 3


def test_an_item_without_members_names_itself(tmp_path: Path) -> None:
    found = read_raw_indexes([written(tmp_path, "1.json", [item("a", path=None)])], "flair")["a"]
    with pytest.raises(BadInputError, match=r"^a: .*members"):
        list(found.verified_members(tmp_path))


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "b/../../a", "b\\..\\a", "", "a\0b"])
def test_a_member_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "1.json", [item("a", path=None, members=[[name, "0" * 64]])])
    with pytest.raises(BadInputError, match=r"1\.json: members: path '.*folder"):
        read_raw_indexes([path], "flair")


@pytest.mark.parametrize("members", ["a", ["a"], [["a"]], [["a", 1]], {"a": "b"}])
def test_members_out_of_form_are_refused(tmp_path: Path, members: Any) -> None:
    path = written(tmp_path, "1.json", [item("a", path=None, members=members)])
    with pytest.raises(BadInputError, match=r"1\.json: index\.items\[0\]\.members"):
        read_raw_indexes([path], "flair")


@pytest.mark.parametrize("older", [{"kind": "images"}, {"modality": "flair", "format": 2}, {"format": 3}])
def test_an_index_of_an_earlier_version_says_so(tmp_path: Path, older: dict[str, Any]) -> None:
    (tmp_path / "1.json").write_text(json.dumps({**older, "source": "tcia", "items": []}))
    with pytest.raises(BadInputError, match=r"1\.json: content_sha256: missing .*older.*run again"):
        read_raw_indexes([tmp_path / "1.json"], "flair")
    write_json(tmp_path / "1.json", {"modality": "flair", "format": 2, "source": "tcia", "items": []})
    with pytest.raises(BadInputError, match=r"1\.json: format: .*2.*3: fetch"):
        read_raw_indexes([tmp_path / "1.json"], "flair")


@pytest.mark.parametrize("change", [{"n_images": 3}, {"size": "1"}, {"metadata": []}, {"rejected": 1}])
def test_a_field_that_no_entry_has_or_of_another_type_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"1\.json: index\.items\[0\]\.(n_images|size|metadata|rejected): "):
        read_raw_indexes([written(tmp_path, "1.json", [item("a", **change)])], "flair")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    given = RawEntry(
        patient_id="TCGA-AA-0001", key="a", role="flair", path=tmp_path / "series/a.zip", size=3, sha256="0" * 64,
        metadata={"n_images": 3},
    )  # fmt: skip
    write_raw_index(tmp_path / "1.json", "flair", "tcia", [given])
    assert read_raw_indexes([tmp_path / "1.json"], "flair") == {"a": given}
    assert read_raw_index(tmp_path / "1.json").modality == "flair"


A, B = "a" * 32, "b" * 32


def profile(n, **changes):
    return profile_of(f"TCGA-CS-{n:04}", **{"key": f"k{n}", "md5": A, **changes})


def entry(n, **changes):
    given = {"patient_id": f"TCGA-CS-{n:04}", "key": f"k{n}", "role": "rna", "path": f"files/{n}", "size": 3}
    return {**given, "md5": A, "sha256": None, **changes}


@pytest.fixture
def index(tmp_path):
    def write(*entries, name="batch-1-of-1.json"):
        write_json(tmp_path / name, {"modality": "rna", "format": 3, "source": "gdc", "items": entries})
        return tmp_path / name

    return write


def test_the_files_of_the_chosen_items_are_promised_with_their_digests(index, tmp_path):
    files, gaps = promised_files(rna_lock(profile(1), profile(2, chosen=False)), [index(entry(1), entry(2))], None)
    assert files == [RecordedFile(tmp_path / "files/1", size=3, sha256=None, md5=A)]
    assert gaps == []


def test_a_chosen_item_without_an_entry_is_a_gap_and_so_is_one_of_other_bytes(index):
    _, gaps = promised_files(rna_lock(profile(1), profile(2)), [index(entry(2, md5=B))], None)
    assert gaps == [f"TCGA-CS-000{n}: k{n}: chosen by the lock, but in no index" for n in (1, 2)]


def test_what_was_tried_in_the_place_of_a_chosen_item_is_promised_too(index):
    images = flair_lock(
        series("TCGA-CS-0001", key="k1"),
        *(series("TCGA-CS-0001", key=f"k{n}", chosen=False, runner_up=n) for n in (2, 3)),
    )
    files, gaps = promised_files(images, [index(entry(1), entry(2))], None)
    assert ([one.path.name for one in files], gaps) == (["1", "2"], [])


def test_an_index_that_an_earlier_lock_left_behind_does_not_count(index):
    old = index(entry(1, md5=B, path="files/old"), entry(7), name="batch-1-of-4.json")
    files, gaps = promised_files(rna_lock(profile(1)), [old, index(entry(1))], None)
    assert [one.path.name for one in files] == ["1"]
    assert gaps == []


def test_a_file_that_two_indexes_name_is_read_once(index):
    both = [index(entry(1)), index(entry(1), name="batch-1-of-2.json")]
    assert len(promised_files(rna_lock(profile(1)), both, None)[0]) == 1


def test_members_of_a_users_folder_are_looked_up_there(index, tmp_path):
    members = [["p1/flair.nii.gz", "1" * 64], ["p1/mask.nii.gz", "2" * 64]]
    images = flair_lock(series("TCGA-CS-0001", key="k1"), source="nifti")
    path = index(entry(1, path=None, sha256="0" * 64, members=members))
    files, gaps = promised_files(images, [path], tmp_path / "mine")
    assert [(one.path, one.sha256) for one in files] == [(tmp_path / "mine" / name, digest) for name, digest in members]
    assert gaps == []
    files, (gap,) = promised_files(images, [path], None)
    assert files == []
    assert gap == "TCGA-CS-0001: k1: lies in a folder of yours, which was not given"


def test_a_part_of_a_users_file_has_no_file_of_its_own(index):
    assert promised_files(rna_lock(profile(1, md5=None)), [index(entry(1, path=None, sha256="0" * 64))], None) == (
        [],
        [],
    )


@pytest.mark.parametrize(
    "entries",
    [
        [{"path": "x"}],
        ["x"],
        [{"key": "k1", "md5": A}],
        [entry(1, sha256=None, md5=A, members=None, size=3) | {"path": 3}],
    ],
)
def test_what_is_no_index_is_named(index, entries):
    with pytest.raises(BadInputError, match=r"batch-1-of-1\.json: index\.items\[0\]"):
        promised_files(rna_lock(profile(1)), [index(*entries)], None)


def test_one_path_stands_for_the_indexes_of_all_batches() -> None:
    given = ["r/batch-{batch}-of-2.json", "raw of {batch}/batch-1-of-1.json"]
    assert all_batches(given) == ["r/batch-1-of-2.json", "r/batch-2-of-2.json", "raw of {batch}/batch-1-of-1.json"]
