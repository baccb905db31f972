"""Slides that are not kept: what is made of them is the same, a rerun knows them, and the disk never has many."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mgi.cohort.pairing import present_of
from mgi.core.errors import IntegrityError
from mgi.locks.batch import fetch_batch
from mgi.locks.lock import Lock
from mgi.locks.raw_index import read_raw_indexes, write_raw_index
from mgi.modalities.modality import SHARD_FILES
from mgi.modalities.offer import offer_of
from mgi.modalities.sharding import ShardJob
from mgi.modalities.slides import encoders
from mgi.modalities.slides.modality import MODALITY, WEIGHTS
from mgi.modalities.slides.settings import SlidesSettings
from mgi.modalities.slides.shard import shard
from mgi.modalities.slides.sources import gdc_consumed
from mgi.modalities.slides.sources.opening import open_source
from mgi_standin.simulation.slides_broken import write_case

pytest.importorskip("openslide")

Make = Callable[..., Any]
N_SLIDES = 5
SMALL = {"source": "gdc", "tile_px": 64, "mpp": 1.0, "retry_base_s": 0.0}


@pytest.fixture(scope="module")
def contents(draw: Make, write: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Slides by patient; that of the last one is white."""
    folder = tmp_path_factory.mktemp("slides")
    paths = [write(folder / f"{one}.svs", draw(one), compression="jpeg") for one in range(N_SLIDES - 1)]
    write_case(folder / "white.svs", "white", draw())
    return {f"TCGA-CS-000{one}": path.read_bytes() for one, path in enumerate([*paths, folder / "white.svs"])}


@pytest.fixture
def ask(stub: Any, reply: Make, service_at: Make, contents: dict[str, bytes]) -> Make:
    """Opens the source of these settings at a service that has the slides."""
    hits = [
        {
            "file_id": f"f-{patient}", "file_name": f"{patient}-01Z-00-DX1.A.svs", "file_size": len(content),
            "md5sum": hashlib.md5(content).hexdigest(), "access": "open", "cases": [{"submitter_id": patient}],
        }
        for patient, content in contents.items()
    ]  # fmt: skip
    page = {"data": {"hits": hits, "pagination": {"total": len(hits)}}, "warnings": {}}
    none = {"data": {"hits": [], "pagination": {"total": 0}}, "warnings": {}}
    stub.script["/status"] = [reply(body=b'{"status": "OK"}')]
    stub.script["/files"] = [reply(body=json.dumps(page).encode())]
    stub.script["/annotations"] = [reply(body=json.dumps(none).encode())]
    for patient, content in contents.items():
        stub.script[f"/data/f-{patient}"] = [reply(body=content, ranges=True)]

    @contextmanager
    def serve(*_: object) -> Iterator[Any]:
        yield service_at(stub.url)

    def opened(**given: object) -> Any:
        return open_source(SlidesSettings.read(SMALL | given), archive=None, table=None, serve=serve)

    return opened


def fetched(ask: Make, folder: Path, **given: object) -> tuple[Lock, dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    with ask(**given) as source:
        lock = source.lock(source.discover())
        entries = fetch_batch(source, lock.chosen, folder, threads=4, label="slides")
    write_raw_index(folder / "batch-1-of-1.json", "slides", "gdc", entries)
    return lock, read_raw_indexes([folder / "batch-1-of-1.json"], "slides")


def sharded(lock: Lock, raw: dict[str, Any], folder: Path, **given: object) -> dict[str, bytes]:
    folder.mkdir()
    outputs = {name: folder / file.format(part="1-of-1") for name, file in SHARD_FILES["bags"].items()}
    settings, patients = {"tile_px": 64, "mpp": 1.0, **given}, present_of(offer_of(MODALITY, lock, raw), bool)
    inputs = {WEIGHTS: settings["weights"]} if "weights" in settings else {}
    job = ShardJob(lock=lock, raw=raw, outputs=outputs, settings=settings, inputs=inputs, part="1-of-1", threads=2,
                   patients=patients)  # fmt: skip
    shard(job)
    return {name: path.read_bytes() for name, path in outputs.items()}


def test_the_shard_is_the_same_whether_slides_are_kept_or_not(ask: Make, tmp_path: Path) -> None:
    found = {}
    for keep in (True, False):
        lock, raw = fetched(ask, tmp_path / f"raw-{keep}", keep=keep)
        found[keep] = sharded(lock, raw, tmp_path / f"shard-{keep}")
        rejected = {entry.patient_id: entry.rejected for entry in raw.values() if entry.rejected}
        assert rejected == {"TCGA-CS-0004": "no tissue"}
    assert found[True] == found[False]


def test_a_network_of_timm_gives_the_same_shard_whether_slides_are_kept_or_not(
    ask: Make, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, real = [], encoders.open_encoder
    monkeypatch.setattr(encoders, "open_encoder", lambda *given: opened.append(1) or real(*given))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    own = {"encoder": "timm:test_vit", "weights": str(weights), "weights_sha256": digest, "tile_px": 160}
    own["min_tiles"] = 1
    found = {}
    for keep in (True, False):
        opened.clear()
        lock, raw = fetched(ask, tmp_path / f"raw-{keep}", keep=keep, **own)
        assert len(opened) == (0 if keep else 1)  # once for all slides of a fetch
        found[keep] = sharded(lock, raw, tmp_path / f"shard-{keep}", **own)
    assert found[True] == found[False]
    assert not [*(tmp_path / "raw-False/files").glob("*.svs")]
    stated = json.loads(found[False]["part"])["stated"]
    assert (stated["encoder"], stated["weights_sha256"], stated["width"]) == ("timm:test_vit", digest, 64)
    # Other weights need the slides again.
    with ask(keep=False, **own | {"weights_sha256": "0" * 64}) as source:
        assert [source.verify(item, tmp_path / "raw-False") for item in lock.chosen] == [None] * N_SLIDES


def test_no_slide_is_left_and_a_rerun_asks_for_none(
    ask: Make, stub: Any, tmp_path: Path, contents: dict[str, bytes]
) -> None:
    _, raw = fetched(ask, tmp_path / "raw", keep=False)
    names = [path.name for path in (tmp_path / "raw/files").iterdir()]
    assert sorted(Path(name).suffix for name in names) == [".json"] * N_SLIDES + [".npz"] * N_SLIDES
    assert [*fetched(ask, tmp_path / "raw", keep=False)[1].values()] == [*raw.values()]
    assert all(stub.count(f"/data/f-{patient}") == 1 for patient in contents)
    # What would be made otherwise needs the slides again.
    fetched(ask, tmp_path / "raw", keep=False, min_tissue=0.9)
    assert all(stub.count(f"/data/f-{patient}") == 2 for patient in contents)


def test_a_slide_of_which_what_was_made_is_damaged_is_fetched_again(ask: Make, stub: Any, tmp_path: Path) -> None:
    lock, raw = fetched(ask, tmp_path / "raw", keep=False)
    entry = raw["f-TCGA-CS-0000"]
    entry.path.write_bytes(entry.path.read_bytes()[:-7] + b"damaged")
    with pytest.raises(IntegrityError, match="fetch again"):
        sharded(lock, raw, tmp_path / "shard")
    assert fetched(ask, tmp_path / "raw", keep=False)[1][entry.key].sha256 == entry.sha256
    assert stub.count("/data/f-TCGA-CS-0000") == 2


def test_what_was_made_with_other_settings_is_refused_by_the_shard(ask: Make, tmp_path: Path) -> None:
    lock, raw = fetched(ask, tmp_path / "raw", keep=False)
    with pytest.raises(IntegrityError, match="made with other settings, fetch again"):
        sharded(lock, raw, tmp_path / "shard", min_tissue=0.9)


def test_a_slide_that_was_kept_before_is_used_and_then_deleted(
    ask: Make, stub: Any, tmp_path: Path, contents: dict[str, bytes]
) -> None:
    fetched(ask, tmp_path / "raw", keep=True)
    fetched(ask, tmp_path / "raw", keep=False)
    assert all(stub.count(f"/data/f-{patient}") == 1 for patient in contents)
    assert not [*(tmp_path / "raw/files").glob("*.svs")]


def test_never_more_than_two_slides_are_on_the_disk(ask: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most, lock, real = [], threading.Lock(), gdc_consumed.ConsumedSlides._converted

    def counting(self: Any, slide: Path, item: Any) -> Any:
        with lock:
            # A receipt that is being written is no slide.
            names = {path.name.removesuffix(".part") for path in slide.parent.iterdir()}
            most.append(sum(name.endswith(".svs") for name in names))
        return real(self, slide, item)

    monkeypatch.setattr(gdc_consumed.ConsumedSlides, "_converted", counting)
    fetched(ask, tmp_path / "raw", keep=False)
    assert len(most) == N_SLIDES
    assert 1 <= max(most) <= 2


def test_a_slide_that_a_kill_left_beside_what_was_made_of_it_is_taken_away(
    ask: Make, stub: Any, tmp_path: Path, contents: dict[str, bytes]
) -> None:
    _, raw = fetched(ask, tmp_path / "raw", keep=False)
    (content, *_) = contents.values()
    left = tmp_path / f"raw/files/{hashlib.md5(content).hexdigest()}.svs"
    left.write_bytes(content)
    left.with_name(f"{left.name}.part").write_bytes(content[:100])
    assert [*fetched(ask, tmp_path / "raw", keep=False)[1].values()] == [*raw.values()]
    assert not [*(tmp_path / "raw/files").glob("*.svs*")]
    assert all(stub.count(f"/data/f-{patient}") == 1 for patient in contents)


def test_a_slide_outlives_a_failure_to_make_anything_of_it(
    ask: Make, stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, slide: Path, item: Any) -> Any:
        raise IntegrityError(f"{slide.name}: stopped")

    (tmp_path / "raw").mkdir()
    with ask(keep=False) as source, monkeypatch.context() as patched:
        (item, *_) = source.lock(source.discover()).chosen
        patched.setattr(gdc_consumed.ConsumedSlides, "_converted", fails)
        with pytest.raises(IntegrityError, match="stopped"):
            source.fetch(item, tmp_path / "raw")
    with ask(keep=False) as source:
        assert source.verify(item, tmp_path / "raw") is None
        assert source.fetch(item, tmp_path / "raw").rejected is None
    assert stub.count(f"/data/{item.key}") == 1
