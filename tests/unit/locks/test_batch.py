import threading
from types import SimpleNamespace

import pytest

from mgi.core.errors import IntegrityError, NetworkError, ResourceError
from mgi.locks.batch import fetch_batch, refuse_full_disk
from mgi.locks.raw_index import RawEntry


def item(key, size=1):
    return SimpleNamespace(key=key, size=size, patient_id="TCGA-CS-4941")


class Shelf:
    """A source in memory: what it holds, what fails, and what was fetched."""

    def __init__(self, present=(), failing=None, *, stores_bytes=True):
        self.present, self.failing, self.stores_bytes = set(present), failing or {}, stores_bytes
        self.fetched = []
        self._lock = threading.Lock()

    def entry(self, one):
        return RawEntry(patient_id=one.patient_id, key=one.key, role="flair", path=None, size=1, md5=None, sha256="")

    def verify(self, one, folder):
        return self.entry(one) if one.key in self.present else None

    def fetch(self, one, folder):
        with self._lock:
            self.fetched.append(one.key)
        if one.key in self.failing:
            raise self.failing[one.key]
        return self.entry(one)


ITEMS = [item(key) for key in "abcdef"]


def bring(shelf, folder, items=ITEMS):
    return fetch_batch(shelf, items, folder, threads=3, label="test")


def test_entries_come_in_the_order_of_the_items(tmp_path):
    assert [entry.key for entry in bring(Shelf(), tmp_path)] == list("abcdef")
    assert bring(Shelf(), tmp_path, []) == []


def test_what_is_in_place_is_not_fetched(tmp_path):
    shelf = Shelf(present="abcf")
    assert [entry.key for entry in bring(shelf, tmp_path)] == list("abcdef")
    assert sorted(shelf.fetched) == ["d", "e"]


def test_a_failure_does_not_stop_the_others_and_all_are_named(tmp_path):
    shelf = Shelf(failing={"a": NetworkError("a: 404"), "d": NetworkError("d: 404")})
    with pytest.raises(NetworkError, match=r"2 of 6 .*: a: 404; d: 404$"):
        bring(shelf, tmp_path)
    assert sorted(shelf.fetched) == list("abcdef")


def test_failures_of_one_kind_keep_their_kind_and_others_become_network_errors(tmp_path):
    with pytest.raises(IntegrityError):
        bring(Shelf(failing={"a": IntegrityError("a"), "b": IntegrityError("b")}), tmp_path)
    with pytest.raises(NetworkError):
        bring(Shelf(failing={"a": IntegrityError("a"), "b": ResourceError("b")}), tmp_path)


def test_many_failures_stay_one_readable_line(tmp_path):
    items = [item(f"k{n:02}") for n in range(30)]
    shelf = Shelf(failing={one.key: NetworkError(one.key) for one in items})
    with pytest.raises(NetworkError, match=r"30 of 30 .*: k00; .*k19 .* 10 "):
        bring(shelf, tmp_path, items)


def test_a_full_disk_while_writing_is_raised_as_it_is(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        bring(Shelf(failing={"c": OSError(28, "No space left on device")}), tmp_path)


def test_what_nobody_foresaw_in_one_item_is_raised_when_the_others_are_done(tmp_path):
    shelf = Shelf(failing={"a": OverflowError("int too large")})
    with pytest.raises(OverflowError) as caught:
        bring(shelf, tmp_path)
    assert sorted(shelf.fetched) == list("abcdef")
    assert caught.value.__notes__ == ["TCGA-CS-4941: a"]


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(tmp_path):
    shelf = Shelf(present="a")
    huge = [item("a", 1 << 60), item("b", 1 << 60)]
    with pytest.raises(ResourceError, match=r"/new: .*1152921504\.61 GB"):
        bring(shelf, tmp_path / "new", huge)
    assert shelf.fetched == []
    assert len(bring(Shelf(stores_bytes=False), tmp_path, huge)) == 2
    refuse_full_disk(tmp_path / "not" / "there", 1)


def test_an_entry_is_written_without_an_empty_rejection(tmp_path):
    entry = Shelf().entry(item("a"))
    assert "rejected" not in entry.as_json(tmp_path)
    assert RawEntry(**{**vars(entry), "rejected": "no"}).as_json(tmp_path)["rejected"] == "no"
