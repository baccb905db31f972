"""Slides of the GDC go from a search to an index: one a patient, downloaded, resumed, checked and read."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mgi.core.errors import BadInputError, IntegrityError, NetworkError, ResourceError
from mgi.modalities.gdc.files import GdcFiles
from mgi.modalities.slides import reader
from mgi.modalities.slides.settings import SlidesSettings
from mgi.modalities.slides.sources.gdc import GdcSlides
from mgi.modalities.slides.sources.gdc_listing import SLIDE_IMAGES
from mgi.modalities.slides.sources.opening import open_source, summary

pytest.importorskip("openslide")

Make = Callable[..., Any]
FIRST, SECOND, TOP = "01Z-00-DX1.A.svs", "01Z-00-DX2.B.svs", "01A-01-TS1.c.svs"
PATIENT, OTHER = "TCGA-CS-0001", "TCGA-CS-0002"


@pytest.fixture(scope="module")
def content(draw: Make, write: Make, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Path(write(tmp_path_factory.mktemp("slide") / "a.svs", draw(), compression="jpeg")).read_bytes()


def hit(file_id: str, patient: str, name: str, content: bytes, **changes: object) -> dict[str, Any]:
    told = {"file_size": len(content), "md5sum": hashlib.md5(content).hexdigest(), "access": "open"}
    named = {"file_id": file_id, "file_name": f"{patient}-{name}", "cases": [{"submitter_id": patient}]}
    return {**named, **told, **changes}


def page(*hits: dict[str, Any]) -> bytes:
    return json.dumps({"data": {"hits": hits, "pagination": {"total": len(hits)}}, "warnings": {}}).encode()


@pytest.fixture
def files(stub: Any, reply: Make, service_at: Make, content: bytes) -> GdcFiles:
    stub.script["/status"] = [reply(body=b'{"status": "OK", "data_release": "Data Release 45.0"}')]
    stub.script["/files"] = [
        reply(
            body=page(
                hit("f-1", PATIENT, SECOND, content[:-1]),
                hit("f-2", PATIENT, TOP, content),
                hit("f-3", PATIENT, FIRST, content),
                hit("f-4", OTHER, FIRST, content, access="controlled"),
                hit("f-5", OTHER, SECOND, content),
            )
        )
    ]
    note = {"entity_submitter_id": f"{OTHER}-01Z-00-DX2", "category": "Item flagged DNU"}
    stub.script["/annotations"] = [reply(body=page({"annotation_id": "n-1", **note}))]
    stub.script["/data/f-3"] = [reply(body=content, ranges=True)]
    return GdcFiles(query=SLIDE_IMAGES, service=service_at(stub.url), project="TCGA-LGG")


@pytest.fixture
def source(files: GdcFiles) -> GdcSlides:
    return source_of(files)


def source_of(files: GdcFiles, slide_list: Path | None = None, **given: object) -> GdcSlides:
    def serve(*_: object) -> Any:
        raise AssertionError("the service is given")

    own = {"source": "folder", "folder": "nowhere", "tile_px": 64, "mpp": 1.0, **given}
    with open_source(SlidesSettings.read(own), archive=None, table=None, serve=serve) as folder:
        return GdcSlides(files=files, inspect=folder.inspect, slide_list=slide_list)  # type: ignore[attr-defined]


def test_the_search_asks_for_slides_of_both_kinds_and_not_for_a_category(source: GdcSlides, stub: Any) -> None:
    source.discover()
    (asked,) = [body for target, _, body in stub.seen if target == "/files"]
    wanted = {one["content"]["field"]: one["content"]["value"] for one in asked["filters"]["content"]}
    assert wanted["experimental_strategy"] == ["Diagnostic Slide", "Tissue Slide"]
    assert (wanted["data_type"], wanted["data_format"], wanted["access"]) == (["Slide Image"], ["SVS"], ["open"])
    assert "data_category" not in wanted


def test_one_slide_a_patient_and_a_reason_for_each_other(source: GdcSlides) -> None:
    lock = source.lock(source.discover())
    assert {item.key: (item.chosen, item.reason, item.runner_up) for item in lock.items} == {
        "f-1": (False, "not preferred: DX1 chosen", 1),
        "f-2": (False, "frozen section: DX1 chosen", None),
        "f-3": (True, "DX1, the first of 2 slides", None),
        "f-4": (False, "controlled access", None),
        "f-5": (False, "annotated: Item flagged DNU", None),
    }
    assert lock.release == "Data Release 45.0"
    assert lock.chosen[0].sample == f"{PATIENT}-01Z"
    assert summary(lock)[0].startswith("5 slides, one chosen of each of 1 patients, 1 may take the place")
    assert summary(lock)[0].endswith("GB to fetch")
    assert source.probe().endswith("5 slides")


def test_a_slide_arrives_and_is_read_and_a_second_run_asks_for_nothing(
    source: GdcSlides, stub: Any, tmp_path: Path, content: bytes
) -> None:
    (item,) = source.lock(source.discover()).chosen
    assert source.verify(item, tmp_path) is None
    entry = source.fetch(item, tmp_path)
    assert entry.path == tmp_path / f"files/{item.md5}.svs"
    assert entry.path.read_bytes() == content
    assert (entry.rejected, entry.metadata["mpp"]) == (None, 1.0)
    assert int(entry.metadata["n_tiles"] or 0) > 20
    asked = len(stub.seen)
    assert source.verify(item, tmp_path) == entry
    assert len(stub.seen) == asked


def test_a_part_that_an_earlier_run_left_is_resumed(
    source: GdcSlides, stub: Any, tmp_path: Path, content: bytes
) -> None:
    (item,) = source.lock(source.discover()).chosen
    (tmp_path / "files").mkdir()
    (tmp_path / f"files/{item.md5}.svs.part").write_bytes(content[:1000])
    entry = source.fetch(item, tmp_path)
    assert entry.path is not None
    assert entry.path.read_bytes() == content
    (asked,) = [headers for target, headers, _ in stub.seen if target == "/data/f-3"]
    assert asked["Range"].startswith("bytes=1000-")


def test_a_connection_that_breaks_within_a_slide_goes_on_where_it_was(
    source: GdcSlides, stub: Any, reply: Make, tmp_path: Path, content: bytes
) -> None:
    (item,) = source.lock(source.discover()).chosen
    half = len(content) // 2
    stub.script["/data/f-3"] = [reply(body=content, sent=half), reply(body=content, ranges=True)]
    assert source.fetch(item, tmp_path).rejected is None
    asked = [headers.get("Range", "") for target, headers, _ in stub.seen if target == "/data/f-3"]
    assert len(asked) == 2
    assert asked[1].startswith("bytes=")
    assert (tmp_path / f"files/{item.md5}.svs").read_bytes() == content


def test_other_bytes_are_refused_and_leave_nothing(
    source: GdcSlides, stub: Any, reply: Make, tmp_path: Path, content: bytes
) -> None:
    (item,) = source.lock(source.discover()).chosen
    for wrong in (content[::-1], content[: len(content) // 2]):
        stub.script["/data/f-3"] = [reply(body=wrong)]
        with pytest.raises((IntegrityError, NetworkError), match=r"file f-3: (md5|size) "):
            source.fetch(item, tmp_path)
        assert not (tmp_path / f"files/{item.md5}.svs").exists()


def test_a_slide_that_cannot_serve_is_rejected_with_the_reason(files: GdcFiles, tmp_path: Path) -> None:
    source = source_of(files, min_tiles=100_000)
    (item,) = source.lock(source.discover()).chosen
    entry = source.fetch(item, tmp_path)
    assert "expected at least 100000" in (entry.rejected or "")
    assert str(item.md5) not in (entry.rejected or "")
    assert (entry.md5, entry.metadata) == (item.md5, {})


def test_the_users_list_says_a_resolution_and_names_what_is_not_there(files: GdcFiles, tmp_path: Path) -> None:
    listed = tmp_path / "list.tsv"
    listed.write_text(f"file\tmpp\n{PATIENT}-{FIRST}\t0.5\nnone.svs\t1.0\n")
    source = source_of(files, listed)
    listing = source.discover()
    assert listing.notes == ("1 rows of modalities.slides.slide_list name no slide: none.svs",)
    (item,) = source.lock(listing).chosen
    assert source.fetch(item, tmp_path / "raw").metadata["mpp"] == 0.5


def test_no_slides_at_all_or_too_few_are_told_before_anything_is_fetched(
    source: GdcSlides, files: GdcFiles, stub: Any, reply: Make
) -> None:

    few = GdcSlides(files=dataclasses.replace(files, expected_files=(9, 10)), inspect=source.inspect)
    with pytest.raises(IntegrityError, match=r"5 open slides .*modalities\.slides\.expected_files says 9 to 10"):
        few.probe()
    stub.script["/files"] = [reply(body=page())]
    with pytest.raises(BadInputError, match=r"no open slides for project 'TCGA-LGG'; modalities\.slides\.project"):
        source.probe()


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        ({"file_name": f"{OTHER}-{FIRST}"}, IntegrityError, "does not belong to case TCGA-CS-0001"),
        ({"file_name": None}, BadInputError, "expected one case"),
        ({"cases": []}, BadInputError, "expected one case"),
        ({"file_size": "many"}, BadInputError, "expected one case"),
        ({"md5sum": "../etc"}, BadInputError, "expected 32 hexadecimal digits"),
        ({"file_id": "../etc"}, BadInputError, "expected a file id"),
    ],
)
def test_a_hit_of_another_shape_is_named(
    source: GdcSlides, stub: Any, reply: Make, content: bytes, changes: Any, error: Any, expected: str
) -> None:
    stub.script["/files"] = [reply(body=page({**hit("f-3", PATIENT, FIRST, content), **changes}))]
    with pytest.raises(error, match=expected):
        source.lock(source.discover())


def test_the_preflight_says_what_to_install(source: GdcSlides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "openslide", None)
    for step in (source.probe, source.discover):
        with pytest.raises(ResourceError, match=r"pip install (openslide|h5py)"):
            step()
