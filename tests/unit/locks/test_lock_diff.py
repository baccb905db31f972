import pytest

from mgi.core.errors import ConfigError
from mgi.locks.lock import Table
from mgi.locks.lock_diff import diff_locks
from small_locks import flair_lock, rna_lock
from small_locks import profile as profile_of
from small_locks import series as series_of


def profile(n, key=None, **changes):
    given = {"key": key or f"id-{n}", "sample": f"TCGA-CS-{n:04}-01A-01R-1470-07", "size": 10, "md5": f"{n:032x}"}
    return profile_of(f"TCGA-CS-{n:04}", **{**given, "version": "1", "first_release": "32.0", **changes})


def expression(*items, **changes):
    return rna_lock(*items, **{"release": "Data Release 44.0", **changes})


def series(n, **changes):
    given = {"key": f"1.2.{n}", "description": "AXIAL FLAIR", "size": 10, "study_uid": None, "study_date": None}
    return series_of(f"TCGA-CS-{n:04}", **{**given, **changes})


def images(*items):
    return flair_lock(*items, collection="TCGA-LGG")


def test_equal_locks_say_how_many_are_the_same():
    diff = diff_locks(
        expression(profile(1), profile(2, chosen=False)), expression(profile(2, chosen=False), profile(1))
    )
    assert diff.equal
    assert diff.lines == ["0 added, 0 removed, 0 superseded, 0 changed, 2 the same; chosen 1 -> 1"]


def test_every_kind_of_change_is_one_line_in_the_order_of_patients():
    old = expression(profile(1), profile(2), profile(3), profile(4), profile(6))
    new = expression(
        profile(1),
        profile(2, "id-2b", md5="b" * 32, size=11, version="2", first_release="45.0"),
        profile(4, chosen=False, reason="annotated: Redaction"),
        profile(5),
        profile(6, md5="c" * 32),
        release="Data Release 45.0",
    )
    diff = diff_locks(old, new)
    assert not diff.equal
    assert diff.lines == [
        "release: Data Release 44.0 -> Data Release 45.0",
        "TCGA-CS-0002  superseded  id-2 -> id-2b  TCGA-CS-0002-01A-01R-1470-07; size 10 -> 11, "
        "md5 000000000000… -> bbbbbbbbbbbb…, version 1 -> 2, first_release 32.0 -> 45.0",
        "TCGA-CS-0003  removed     id-3  rna, TCGA-CS-0003-01A-01R-1470-07, file_name x.tsv, "
        "version 1, first_release 32.0; chosen: primary tumour",
        "TCGA-CS-0004  changed     id-4  chosen yes -> no, reason primary tumour -> annotated: Redaction",
        "TCGA-CS-0005  added       id-5  rna, TCGA-CS-0005-01A-01R-1470-07, file_name x.tsv, "
        "version 1, first_release 32.0; chosen: primary tumour",
        "TCGA-CS-0006  changed     id-6  md5 000000000000… -> cccccccccccc…",
        "1 added, 1 removed, 1 superseded, 2 changed, 1 the same; chosen 5 -> 4",
    ]


def test_an_id_that_alone_changed_is_superseded_by_the_same_bytes():
    (line, _) = diff_locks(expression(profile(1)), expression(profile(1, "new"))).lines
    assert line.endswith("id-1 -> new  TCGA-CS-0001-01A-01R-1470-07; the same bytes")


def test_another_aliquot_of_a_patient_is_not_called_a_newer_version():
    diff = diff_locks(expression(profile(1)), expression(profile(1, "new", sample="TCGA-CS-0001-01A-01R-9999-07")))
    assert [change.kind for change in diff.changes] == ["added", "removed"]


def test_two_files_for_one_lost_one_are_not_guessed_at():
    diff = diff_locks(expression(profile(1)), expression(profile(1, "x"), profile(1, "y", chosen=False)))
    assert [(change.kind, change.key) for change in diff.changes] == [
        ("added", "x"),
        ("added", "y"),
        ("removed", "id-1"),
    ]


def test_series_are_compared_by_uid_with_their_number_of_images():
    old = images(series(1), series(2), series(3))
    new = images(series(1, n_images=19, size=9), series(3), series(4, role="mask", description="SEG"))
    assert diff_locks(old, new).lines == [
        "TCGA-CS-0001  changed     1.2.1  size 10 -> 9, n_images 20 -> 19",
        "TCGA-CS-0002  removed     1.2.2  flair, description AXIAL FLAIR, n_images 20; chosen: best",
        "TCGA-CS-0004  added       1.2.4  mask, description SEG, n_images 20; chosen: best",
        "1 added, 1 removed, 0 superseded, 1 changed, 1 the same; chosen 3 -> 3",
    ]


def test_what_an_archive_wrote_cannot_break_a_line_or_steer_a_terminal():
    diff = diff_locks(images(series(1)), images(series(1, reason="two\nlines \x1b[2J"), series(2)))
    assert len(diff.lines) == 3
    assert diff.lines[0].endswith("reason best -> two?lines ?[2J")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"source": "matrix"}, "source: gdc -> matrix"),
        ({"simulated": True}, "simulated: no -> yes"),
        (
            {"table": Table(name="a.csv", sha256="f" * 64, size=3)},
            "table: none -> a.csv (3 bytes, sha256 ffffffffffff…)",
        ),
    ],
)
def test_what_holds_for_a_whole_lock_stands_at_the_head(change, line):
    assert diff_locks(expression(profile(1)), expression(profile(1), **change)).lines[0] == line


def test_a_lock_of_genes_and_one_of_images_cannot_be_compared():
    with pytest.raises(ConfigError, match=r"rna and .*flair"):
        diff_locks(expression(profile(1)), images(series(1)))
