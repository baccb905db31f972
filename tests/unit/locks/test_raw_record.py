import json

import pytest

from mgi.core.errors import BadInputError
from mgi.core.receipt import RecordedFile
from mgi.locks.raw_index import promised_files
from small_locks import flair_lock, rna_lock, series
from small_locks import profile as profile_of

A, B = "a" * 32, "b" * 32


def profile(n, **changes):
    return profile_of(f"TCGA-CS-{n:04}", **{"key": f"k{n}", "md5": A, **changes})


def entry(n, **changes):
    given = {"patient_id": f"TCGA-CS-{n:04}", "key": f"k{n}", "role": "rna", "path": f"files/{n}", "size": 3}
    return {**given, "md5": A, "sha256": None, **changes}


@pytest.fixture
def index(tmp_path):
    def write(*entries, name="batch-1-of-1.json"):
        (tmp_path / name).write_text(json.dumps({"modality": "rna", "format": 2, "source": "gdc", "items": entries}))
        return tmp_path / name

    return write


def test_the_files_of_the_chosen_items_are_promised_with_their_digests(index, tmp_path):
    files, gaps = promised_files(rna_lock(profile(1), profile(2, chosen=False)), [index(entry(1), entry(2))], None)
    assert files == [RecordedFile(tmp_path / "files/1", size=3, sha256=None, md5=A)]
    assert gaps == []


def test_a_chosen_item_without_an_entry_is_a_gap_and_so_is_one_of_other_bytes(index):
    _, gaps = promised_files(rna_lock(profile(1), profile(2)), [index(entry(2, md5=B))], None)
    assert gaps == [f"TCGA-CS-000{n}: k{n}: chosen by the lock, but in no index" for n in (1, 2)]


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
