import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import DigestingFile, atomic_path, digest_of, md5_of, read_json, sha256_of, write_json


def write(target: Path, text: str, *, fails: bool = False) -> None:
    with atomic_path(target) as part:
        part.write_text(text)
        if fails:
            raise KeyboardInterrupt


def test_a_file_appears_whole_with_its_folders_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a/b/table.txt"
    write(target, "new")
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_failure_leaves_the_old_file_and_no_stump(tmp_path: Path) -> None:
    target = tmp_path / "table.txt"
    write(target, "old")
    with pytest.raises(KeyboardInterrupt):
        write(target, "half", fails=True)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_where_there_was_no_file_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "table.txt", "half", fails=True)
    assert list(tmp_path.iterdir()) == []


def test_the_name_is_free_until_the_bytes_are_complete(tmp_path: Path) -> None:
    target = tmp_path / "table.txt"
    with atomic_path(target) as part:
        part.write_text("new")
        assert part.parent == tmp_path
        assert not target.exists()
    assert target.exists()


def test_two_writers_of_one_name_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "t") as one, atomic_path(tmp_path / "t") as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert (tmp_path / "t").read_text() == "one"


def test_bytes_and_folder_are_synced_before_the_name_appears(tmp_path: Path, monkeypatch) -> None:
    synced: list[bool] = []

    def fsync(_: int) -> None:
        synced.append((tmp_path / "t").exists())

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "t", "x")
    assert synced == [False, True]


def test_equal_values_give_equal_json_whatever_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"b": [1, "é"], "a": None})
    write_json(tmp_path / "two.json", {"a": None, "b": [1, "é"]})
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    lines = (tmp_path / "one.json").read_text("utf-8").splitlines()
    assert [line for line in lines if "content_sha256" not in line] == [
        *["{", ' "a": null,', ' "b": [', "  1,", '  "é"', " ],", "}"]
    ]
    assert read_json(tmp_path / "one.json") == {"a": None, "b": [1, "é"]}


def test_a_value_that_json_cannot_hold_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "v.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "v.json", {"a": object()})
    assert read_json(tmp_path / "v.json") == {"a": 1}


@pytest.mark.parametrize("data", [b"{", b"", b"\xff\xfe", b'{"a": 1} x'])
def test_what_is_not_json_is_named_with_its_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_bytes(data)
    with pytest.raises(BadInputError, match=r"v\.json: .*JSON") as caught:
        read_json(tmp_path / "v.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 3, 1 << 18, (1 << 18) + 1])
def test_digests_are_those_of_the_whole_file(size: int, tmp_path: Path) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "f").write_bytes(data)
    assert sha256_of(tmp_path / "f") == hashlib.sha256(data).hexdigest()
    assert md5_of(str(tmp_path / "f")) == hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_the_digest_is_the_sha256_of_the_lines() -> None:
    assert digest_of(["ab", "é"]) == hashlib.sha256("ab\né".encode()).hexdigest()
    assert digest_of(iter(["ab", "é"])) == digest_of(("ab", "é"))


def test_order_and_borders_count() -> None:
    assert len({digest_of(strings) for strings in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], [])}) == 5


def test_the_digest_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with DigestingFile(path) as sink, pq.ParquetWriter(sink, pa.schema({"x": pa.int64()})) as writer:
        writer.write_table(pa.table({"x": list(range(10_000))}))
    assert sink.closed
    assert sink.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert pq.read_table(path)["x"].to_pylist() == list(range(10_000))


def test_arrays_are_written_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "words"
    with DigestingFile(path) as sink:
        assert sink.write(memoryview(b"\1\0\2\0").cast("H")) == 4
        assert sink.tell() == 4
    assert path.read_bytes() == b"\1\0\2\0"


def test_every_flipped_bit_and_every_cut_of_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_json(path, {"a": None, "b": [1, 1e22, "é"], "c": {"2": True, "10": "x"}})
    whole = path.read_bytes()
    for place in range(len(whole)):
        for content in (whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :], whole[:place]):
            path.write_bytes(content)
            with pytest.raises((BadInputError, IntegrityError), match=r"config\.json: .*--forcerun record_config$"):
                read_json(path)


def test_json_without_a_seal_is_refused_and_keys_of_numbers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"a": 1}')
    with pytest.raises(BadInputError, match=r"v\.json: content_sha256: missing .*older mgi"):
        read_json(path)
    write_json(path, {2: "b", 10: "a"})  # type: ignore[dict-item]
    assert read_json(path) == {"2": "b", "10": "a"}
    write_json(path, read_json(path) | {"content_sha256": "old"})
    assert read_json(path) == {"2": "b", "10": "a"}


def test_line_ends_of_another_system_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    write_json(path, {"a": [1, 2]})
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))  # as git checks a committed file out on Windows
    assert read_json(path) == {"a": [1, 2]}
