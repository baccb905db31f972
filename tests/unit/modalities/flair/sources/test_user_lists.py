import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import md5_of
from mgi.modalities.flair.sources.user_lists import (
    CommonsRow,
    PatientNames,
    check_files,
    note_of_host,
    read_commons_manifest,
    read_patient_names,
    read_tcia_manifest,
    require_series,
)

MD5 = "0123456789abcdef0123456789abcdef"
TEXT = """downloadServerUrl=https://public.example.org/servlet/Download
includeAnnotation=true
databasetype=whatever
ListOfSeriesToDownload=
Series ID
1.2.840.7
2.25.159938781348401988370074200042204937718
1.2.840.7
../../etc/passwd
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("column", ["drs_uri", "File ID", "file_id"])
def test_ids_digests_sizes_and_series_are_read_under_their_several_names(tmp_path, column):
    text = f"\ufeff{column},Other,MD5,Size,TCIA Series Instance UID\ndrs://c.example.org/dg.1/abc,x,{MD5.upper()},12,1.2.3\n\n"
    (row,) = read_commons_manifest(write(tmp_path, "m.csv", text))
    assert row == CommonsRow(file_id="abc", md5=MD5, size=12, series="1.2.3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file_id,md5\n", r"m\.csv: no rows"),
        ("md5\n" + MD5, r"m\.csv: line 2: .*drs_uri, File ID or file_id"),
        ("file_id,name\na,b", r"m\.csv: line 2: neither md5 nor TCIA Series Instance UID"),
        ("file_id,md5\na,xyz", r"m\.csv: line 2: md5 'xyz'"),
        (f"file_id,md5,size\na,{MD5},1.5", r"m\.csv: line 2: size '1\.5'"),
        (f"file_id,md5,size\na,{MD5},{'9' * 5000}", r"m\.csv: line 2: size '9{40}'"),
        ("file_id,TCIA Series Instance UID\na,../x", r"m\.csv: line 2: TCIA Series Instance UID '\.\./x'"),
        ("file_id,md5\na", r"m\.csv: line 2: 1 .*2$"),
    ],
)
def test_a_row_that_is_wrong_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(BadInputError, match=said):
        read_commons_manifest(write(tmp_path, "m.csv", text))


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
        "mgi.modalities.flair.sources.user_lists.md5_of", lambda path: read.append(path.name) or md5_of(path)
    )
    row = CommonsRow(file_id="x", md5=md5_of(tmp_path / "b"), size=3, series=None)
    check_files([row], sizes)
    assert read == ["a", "b"]
    check_files([CommonsRow(file_id="x", md5=row.md5, size=None, series=None)], sizes)
    assert read == ["a", "b", "a", "b", "c"]
    check_files([CommonsRow(file_id="x", md5=None, size=3, series="1.2")], sizes)
    check_files([], sizes)
    assert len(read) == 5
    with pytest.raises(IntegrityError, match=r"modalities\.flair\.manifest: .*1 of 1 .*: x \(md5 "):
        check_files([CommonsRow(file_id="x", md5=row.md5, size=4, series=None)], sizes)


def test_missing_series_are_counted_and_the_first_named():
    listed = [f"1.2.{n}" for n in range(9)]
    require_series(listed, listed)
    with pytest.raises(IntegrityError, match=r"modalities\.flair\.manifest: 7 .*: 1\.2\.2, 1\.2\.3, .*1\.2\.6 .*2 "):
        require_series(listed, ["1.2.0", "1.2.1"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_series_are_read_once_and_what_is_no_uid_is_named(tmp_path, start, end):
    found = read_tcia_manifest(write(tmp_path, "my.tcia", start + TEXT.replace("\n", end)))
    assert found.series == ("1.2.840.7", "2.25.159938781348401988370074200042204937718")
    assert found.notes == (
        "my.tcia: 2 lines are no UID and were skipped: 'Series ID', '../../etc/passwd'",
        "my.tcia: 1 series are listed more than once",
    )


def test_another_server_in_the_list_is_named_and_not_asked(tmp_path):
    found = read_tcia_manifest(write(tmp_path, "my.tcia", TEXT))
    assert found.host == "public.example.org"
    (note,) = note_of_host(found, "https://nbia.example.org/v4")
    assert "names the server public.example.org" in note
    assert "nbia.example.org) is asked" in note
    assert note_of_host(found, "https://public.example.org/v4") == ()
    without = read_tcia_manifest(write(tmp_path, "my.tcia", "ListOfSeriesToDownload=\n1.2\n"))
    assert note_of_host(without, "https://nbia.example.org/v4") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [("1.2.3\n", "no line ListOfSeriesToDownload"), ("ListOfSeriesToDownload=\nSeries ID\n", "no SeriesInstanceUID")],
)
def test_a_list_without_series_is_an_error(tmp_path, text, said):
    with pytest.raises(BadInputError, match=rf"my\.tcia: {said}"):
        read_tcia_manifest(write(tmp_path, "my.tcia", text))


def test_what_is_no_text_or_absent_is_one_line(tmp_path):
    (tmp_path / "my.tcia").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match=r"my\.tcia: not text"):
        read_tcia_manifest(tmp_path / "my.tcia")
    with pytest.raises(BadInputError, match=r"modalities\.flair\.manifest: .*none\.tcia"):
        read_tcia_manifest(tmp_path / "none.tcia")


@pytest.mark.parametrize(
    ("name", "count", "heading"),
    [("NBIA-TCIA_225series.tcia", 225, "'Series ID'"), ("TCIApathfinder_doiJNLP-T5OW0OWM.tcia", 82, None)],
)
def test_published_manifests_are_read(real_data, name, count, heading):
    path = real_data / "tcia" / name
    found = read_tcia_manifest(path)
    lines = [line for line in path.read_text().splitlines() if line[:1].isdigit()]
    assert list(found.series) == list(dict.fromkeys(lines))
    assert len(found.series) == count
    assert found.host.endswith(".cancerimagingarchive.net")
    assert (heading is None) == (not any("no UID" in note for note in found.notes))
    assert heading is None or heading in found.notes[0]


def test_without_a_table_an_id_must_be_a_patients_own():
    names = read_patient_names(None)
    assert names.patient_of("TCGA-CS-4941-01A") == "TCGA-CS-4941"
    assert names.patient_of("UPENN-1") == "UPENN-1"
    with pytest.raises(BadInputError, match=r"'Doe\^John': .*modalities\.flair\.patients"):
        names.patient_of("Doe^John")


def test_a_table_gives_barcodes_and_leaves_out_whom_it_does_not_know(tmp_path):
    text = "\ufeffid\tpatient_id\r\nUPENN-1\tTCGA-ZZ-0001\r\n\r\nUPENN-2\ttcga-zz-0002\r\n"
    names = read_patient_names(write(tmp_path, "patients.tsv", text))
    assert [names.patient_of(found) for found in ("UPENN-1", "UPENN-2", "UPENN-3", "TCGA-CS-4941")] == [
        "TCGA-ZZ-0001",
        "TCGA-ZZ-0002",
        None,
        "TCGA-CS-4941",
    ]
    assert PatientNames().table is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"patients\.tsv: columns \[\]"),
        ("found\tpatient\n", r"patients\.tsv: columns \['found', 'patient'\], .*\['id', 'patient_id'\]"),
        ("id\tpatient_id\nA\n", r"patients\.tsv: line 2: 1 .*2$"),
        ("id\tpatient_id\nA\tX 1\n", r"patients\.tsv: line 2: 'X 1'"),
        (
            "id\tpatient_id\nA\tTCGA-ZZ-0001\nA\tTCGA-ZZ-0002\n",
            r"patients\.tsv: line 3: id 'A' .*TCGA-ZZ-0001.*TCGA-ZZ-0002",
        ),
    ],
)
def test_a_table_that_is_wrong_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(BadInputError, match=said):
        read_patient_names(write(tmp_path, "patients.tsv", text))


def test_an_absent_table_is_one_line(tmp_path):
    with pytest.raises(BadInputError, match=r"modalities\.flair\.patients: .*none\.tsv"):
        read_patient_names(tmp_path / "none.tsv")
