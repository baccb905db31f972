import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import md5_of
from mgi.modalities.flair.sources.general_commons import CommonsRow, check_files, read_commons_manifest, require_series

MD5 = "0123456789abcdef0123456789abcdef"


def write(tmp_path, text):
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("column", ["drs_uri", "File ID", "file_id"])
def test_ids_digests_sizes_and_series_are_read_under_their_several_names(tmp_path, column):
    text = f"\ufeff{column},Other,MD5,Size,TCIA Series Instance UID\ndrs://c.example.org/dg.1/abc,x,{MD5.upper()},12,1.2.3\n\n"
    (row,) = read_commons_manifest(write(tmp_path, text))
    assert row == CommonsRow(file_id="abc", md5=MD5, size=12, series="1.2.3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file_id,md5\n", r"m\.csv: no rows"),
        ("md5\n" + MD5, r"m\.csv: line 2: .*drs_uri, File ID or file_id"),
        ("file_id,name\na,b", r"m\.csv: line 2: neither md5 nor TCIA Series Instance UID"),
        ("file_id,md5\na,xyz", r"m\.csv: line 2: md5 'xyz'"),
        (f"file_id,md5,size\na,{MD5},1.5", r"m\.csv: line 2: size '1\.5'"),
        ("file_id,TCIA Series Instance UID\na,../x", r"m\.csv: line 2: TCIA Series Instance UID '\.\./x'"),
        ("file_id,md5\na", r"m\.csv: line 2: 1 .*2$"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(BadInputError, match=said):
        read_commons_manifest(write(tmp_path, text))


def test_what_is_no_text_is_one_line(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xff\x00")
    with pytest.raises(BadInputError, match=r"m\.csv: .*CSV"):
        read_commons_manifest(tmp_path / "m.csv")


def test_only_files_of_a_listed_size_are_read_and_without_sizes_all_are(tmp_path, monkeypatch):
    for name, content in (("a", b"aaa"), ("b", b"bbb"), ("c", b"c")):
        (tmp_path / name).write_bytes(content)
    sizes = {path: path.stat().st_size for path in tmp_path.iterdir()}
    read = []
    monkeypatch.setattr(
        "mgi.modalities.flair.sources.general_commons.md5_of", lambda path: read.append(path.name) or md5_of(path)
    )
    row = CommonsRow(file_id="x", md5=md5_of(tmp_path / "b"), size=3, series=None)
    check_files([row], sizes, label="m")
    assert read == ["a", "b"]
    check_files([CommonsRow(file_id="x", md5=row.md5, size=None, series=None)], sizes, label="m")
    assert read == ["a", "b", "a", "b", "c"]
    check_files([CommonsRow(file_id="x", md5=None, size=3, series="1.2")], sizes, label="m")
    check_files([], sizes, label="m")
    assert len(read) == 5
    with pytest.raises(IntegrityError, match=r"m: .*1 of 1 .*: x \(md5 "):
        check_files([CommonsRow(file_id="x", md5=row.md5, size=4, series=None)], sizes, label="m")


def test_missing_series_are_counted_and_the_first_named():
    listed = [f"1.2.{n}" for n in range(9)]
    require_series(listed, listed, label="m")
    with pytest.raises(IntegrityError, match=r"m: 7 .*: 1\.2\.2, 1\.2\.3, .*1\.2\.6 .*2 "):
        require_series(listed, ["1.2.0", "1.2.1"], label="m")
