import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.sources.tcia_manifest import note_of_host, read_tcia_manifest

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


def write(tmp_path, text, name="my.tcia"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_series_are_read_once_and_what_is_no_uid_is_named(tmp_path, start, end):
    found = read_tcia_manifest(write(tmp_path, start + TEXT.replace("\n", end)))
    assert found.series == ("1.2.840.7", "2.25.159938781348401988370074200042204937718")
    assert found.notes == (
        "my.tcia: 2 lines are no UID and were skipped: 'Series ID', '../../etc/passwd'",
        "my.tcia: 1 series are listed more than once",
    )


def test_another_server_in_the_list_is_named_and_not_asked(tmp_path):
    found = read_tcia_manifest(write(tmp_path, TEXT))
    assert found.host == "public.example.org"
    (note,) = note_of_host(found, "https://nbia.example.org/v4")
    assert "names the server public.example.org" in note
    assert "nbia.example.org) is asked" in note
    assert note_of_host(found, "https://public.example.org/v4") == ()
    without = read_tcia_manifest(write(tmp_path, "ListOfSeriesToDownload=\n1.2\n"))
    assert note_of_host(without, "https://nbia.example.org/v4") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [("1.2.3\n", "no line ListOfSeriesToDownload"), ("ListOfSeriesToDownload=\nSeries ID\n", "no SeriesInstanceUID")],
)
def test_a_list_without_series_is_an_error(tmp_path, text, said):
    with pytest.raises(BadInputError, match=rf"my\.tcia: {said}"):
        read_tcia_manifest(write(tmp_path, text))


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
