"""A folder of slides goes from listing to index; what cannot serve is named, and the next slide is tried."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mgi.core.errors import BadInputError, ConfigError, IntegrityError, ResourceError
from mgi.locks.lock import Lock
from mgi.locks.source import Source
from mgi.modalities.slides import reader
from mgi.modalities.slides.settings import SlidesSettings
from mgi.modalities.slides.sources.opening import open_source, summary
from mgi_standin.simulation.slides_broken import write_case

pytest.importorskip("openslide")

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def slides(draw: Make, write: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    drawn = draw()
    write_case(folder / "TCGA-CS-0001-01Z-00-DX1.a.svs", "white", drawn)
    write(folder / "TCGA-CS-0001-01Z-00-DX2.b.svs", drawn)
    write(folder / "TCGA-CS-0001-01A-01-TS1.c.svs", drawn)
    write_case(folder / "TCGA-CS-0002-01Z-00-DX1.d.svs", "no-mpp", drawn)
    (folder / "below").mkdir()
    write(folder / "below/scan 1.svs", drawn)
    (folder / "notes.txt").write_text("not a slide")
    return folder


def settings(folder: Path | None, **given: object) -> SlidesSettings:
    own = {"folder": None if folder is None else str(folder), "tile_px": 64, "mpp": 1.0}
    return SlidesSettings.read(own | given)


def serve(*given: object) -> Any:
    raise AssertionError("a folder asks no service")


def opened(chosen: SlidesSettings) -> Iterator[Source]:
    with open_source(chosen, archive=None, table=None, serve=serve) as source:
        yield source


def source_of(folder: Path | None, **given: object) -> Source:
    return next(opened(settings(folder, **given)))


def locked(source: Source) -> tuple[Lock, tuple[str, ...]]:
    listing = source.discover()
    return source.lock(listing), listing.notes


def test_every_file_is_listed_with_a_verdict_or_named(slides: Path) -> None:
    source = source_of(slides)
    lock, notes = locked(source)
    assert [item.key for item in lock.chosen] == ["TCGA-CS-0001-01Z-00-DX1.a.svs", "TCGA-CS-0002-01Z-00-DX1.d.svs"]
    assert lock.simulated
    assert len(lock.items) == 4
    assert {item.key for item in lock.items if item.digest is None} == {"TCGA-CS-0001-01A-01-TS1.c.svs"}
    assert notes[0].endswith(": notes.txt")
    assert "below/scan 1.svs" in notes[1]
    assert source.probe().startswith("2 patients with 4 slides")
    assert summary(lock) == [
        "4 slides, one chosen of each of 2 patients, 1 may take the place of one that cannot serve"
    ]


def test_what_the_shard_would_refuse_is_rejected_at_fetch(slides: Path, tmp_path: Path) -> None:
    source = source_of(slides)
    lock, _ = locked(source)
    by_key = {item.key: source.fetch(item, tmp_path) for item in lock.items if item.digest}
    assert by_key["TCGA-CS-0001-01Z-00-DX1.a.svs"].rejected == "no tissue"
    assert (by_key["TCGA-CS-0002-01Z-00-DX1.d.svs"].rejected or "").startswith("mpp: missing")
    good = by_key["TCGA-CS-0001-01Z-00-DX2.b.svs"]
    assert good.rejected is None
    assert good.path is None
    assert good.metadata["mpp"] == 1.0
    assert good.metadata["n_bad_tiles"] == 0
    assert int(good.metadata["n_tiles"] or 0) > 20
    assert [*tmp_path.iterdir()] == []


def test_the_users_list_names_patients_and_resolutions(slides: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.tsv"
    listed.write_text("file\tpatient_id\tmpp\nscan 1.svs\tP1\t\nTCGA-CS-0002-01Z-00-DX1.d.svs\t\t1.0\nnone.svs\tP9\t\n")
    source = source_of(slides, slide_list=str(listed))
    lock, notes = locked(source)
    chosen = {item.patient_id: item for item in lock.chosen}
    assert sorted(chosen) == ["P1", "TCGA-CS-0001", "TCGA-CS-0002"]
    assert source.fetch(chosen["TCGA-CS-0002"], tmp_path).rejected is None
    assert "none.svs" in notes[-1]


def test_a_resolution_for_all_that_state_none_serves(slides: Path, tmp_path: Path) -> None:
    source = source_of(slides, unstated_mpp=1.0)
    lock, _ = locked(source)
    assert {source.fetch(item, tmp_path).rejected for item in lock.chosen} == {"no tissue", None}


def test_a_changed_slide_is_refused(slides: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(slides, folder)
    source = source_of(folder)
    lock, _ = locked(source)
    path = folder / lock.chosen[0].key
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(IntegrityError, match="make the lock again"):
        source.fetch(lock.chosen[0], tmp_path)


def test_a_folder_that_is_absent_or_without_slides_is_named(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "none"):
        with pytest.raises(ConfigError, match=r"^modalities\.slides\.folder: "):
            source_of(folder).discover()
    (tmp_path / "a.jpg").touch()
    with pytest.raises(BadInputError, match=r"no slide of a patient among 1 files, expected files of \.svs"):
        source_of(tmp_path).discover()


def test_the_preflight_says_what_to_install(slides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "openslide", None)
    for step in (source_of(slides).probe, source_of(slides).discover):
        with pytest.raises(ResourceError, match=r"pip install (openslide|h5py)"):
            step()
