"""From a folder of slides to a shard of bags by the commands of the workflow."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mgi.cli import main
from mgi.cohort.duplicates import digests_of_shard
from mgi.core.files import sha256_of
from mgi.core.parts import all_parts, part_of
from mgi.modalities.modality import SHARD_FILES
from mgi.modalities.slides import handmade
from mgi.shards.bags import OpenBags, open_bags
from mgi_standin.simulation.slides_broken import write_case

pytest.importorskip("openslide")

Make = Callable[..., Any]
FORM = {"tile_px": 64, "mpp": 1.0}
FIRST, SECOND, OTHER = "TCGA-CS-0001-01Z-00-DX1.a.svs", "TCGA-CS-0001-01Z-00-DX2.b.svs", "P2__c.svs"


@pytest.fixture
def study(draw: Make, write: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the first slide of one patient is white and another patient's states no resolution."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slides").mkdir()
    write_case(tmp_path / "slides" / FIRST, "white", draw())
    write(tmp_path / "slides" / SECOND, draw(), compression="jpeg")
    write(tmp_path / "slides" / OTHER, draw(seed=1))
    write_case(tmp_path / "slides/P3.svs", "no-mpp", draw(seed=2))
    return tmp_path


def ingest(source: str = "folder", **given: object) -> int:
    """Lock, fetch and shard; gives the exit code of the last."""
    section = {"source": source, "folder": "slides", **FORM, **given}
    of_source = json.dumps(section)
    stored = json.dumps({name: value for name, value in section.items() if name not in ("source", "folder")})
    common = ["--modality=slides"]
    assert main(["lock", *common, f"--settings={of_source}", "--output=locks/slides.json"]) == 0
    index = "raw/slides/batch-1-of-1.json"
    fetch = ["--lock=locks/slides.json", "--batch=1-of-1", f"--output={index}"]
    assert main(["fetch", *common, f"--settings={of_source}", *fetch]) == 0
    return shard(stored)


def shard(stored: str = json.dumps(FORM), parts: int = 2, excluded: tuple[str, ...] = ()) -> int:
    """Every part of the shard, then its description; gives the exit code of the first that fails."""
    given = ["--lock=locks/slides.json", "--index=raw/slides/batch-1-of-1.json"]
    out = ["--exclude", *excluded]
    for part in all_parts(parts):
        files = [f"shards/slides/{name.format(part=part)}" for name in SHARD_FILES["bags"].values()]
        own = [f"--part={part}", "--table=slides", *out, "--output", *files]
        if (code := main(["shard", "--modality=slides", f"--settings={stored}", *given, *own])) != 0:
            return code
    main(["cohort", "--require=slides", *given, *out, "--output=cohort.parquet", "--tsv=cohort.tsv"])
    told = [f"--parts={parts}", "--cohort=cohort.parquet", "--output=shards/slides/dataset.json"]
    return main(["describe-bags", "--modality=slides", *told])


def bags_of(study: Path) -> OpenBags:
    return open_bags(study / "shards/slides")


def test_slides_become_bags_and_what_cannot_serve_is_replaced_or_left_out(study: Path) -> None:
    assert ingest(min_tissue=0.5) == 0
    found = bags_of(study)
    rows = {row["patient_id"]: row for row in found.slides.to_pylist()}
    assert {patient: row["slide_id"] for patient, row in rows.items()} == {
        "P2": "P2__c",
        "TCGA-CS-0001": SECOND.removesuffix(".svs"),
    }
    assert rows["TCGA-CS-0001"]["source"] == sha256_of(study / "slides" / SECOND)
    assert (rows["P2"]["mpp"], rows["P2"]["levels"], rows["P2"]["vendor"]) == (1.0, 3, "aperio")
    assert rows["P2"]["tissue_mm2"] > 0.08
    assert {name: found.stated[name] for name in ("encoder", "weights_sha256", "width", "simulated", "patients")} == {
        "encoder": "handmade",
        "weights_sha256": None,
        "width": handmade.WIDTH,
        "simulated": True,
        "patients": 2,
    }
    for bag in found.bags():
        assert (bag.corners % 64 == 0).all()
        assert bag.tissue is not None
        assert bag.tissue.min() >= 0.5
        order = bag.corners[:, 1] * 10_000 + bag.corners[:, 0]
        assert (np.diff(order) > 0).all()


def test_a_vector_is_that_of_its_own_tile(study: Path, draw: Make) -> None:
    (study / "slides" / OTHER).unlink()
    assert ingest() == 0
    [bag] = bags_of(study).bags(["TCGA-CS-0001"])
    with Image.open(study / "shards/slides/slides.png") as sheet:
        assert sheet.width > 160
    pixels, names = draw().pixels, list(handmade.NAMES)
    for corner, vector in zip(bag.corners, bag.embeddings, strict=True):
        x, y = corner
        expected = handmade.features_of(pixels[None, y : y + 64, x : x + 64])[0]
        for name in ("density_mean_red", "nuclear_share", "pale_share"):
            assert vector[names.index(name)] == pytest.approx(expected[names.index(name)], abs=0.03)  # JPEG


def test_a_bad_tile_is_left_out_counted_and_the_others_keep_their_places(
    study: Path, draw: Make, write: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    write(study / "slides" / OTHER, draw(seed=1, mpp=0.5), tile=64, garbled=1)
    assert ingest(tile_px=32, mpp=0.5) == 0
    [row] = [row for row in bags_of(study).slides.to_pylist() if row["patient_id"] == "P2"]
    assert row["bad_tiles"] == 4
    [bag] = bags_of(study).bags(["P2"])
    assert row["tiles"] == len(bag.corners) > 400
    assert "4 that cannot be decoded left out" in capsys.readouterr().out
    bad = {(512 + x, 512 + y) for x in (0, 32) for y in (0, 32)}
    assert not bad & {(int(x), int(y)) for x, y in bag.corners}


def test_a_second_shard_has_the_same_bytes_and_a_changed_slide_is_refused(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ingest() == 0
    first = {path.name: path.read_bytes() for path in (study / "shards/slides").iterdir()}
    assert shard() == 0
    assert {path.name: path.read_bytes() for path in (study / "shards/slides").iterdir()} == first
    path = study / "slides" / SECOND
    path.write_bytes(path.read_bytes() + b"x")
    assert shard() == 4
    assert f"{SECOND}: sha256" in capsys.readouterr().err
    path.unlink()
    assert shard() == 4
    assert f"{SECOND}: missing" in capsys.readouterr().err


def test_when_no_slide_can_serve_the_shard_says_so(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (SECOND, OTHER):
        (study / "slides" / name).unlink()
    assert ingest() == 5
    assert "slides: no slide that can serve" in capsys.readouterr().err
    assert not (study / "shards").exists()


def test_the_number_of_parts_changes_nothing_that_is_read(study: Path) -> None:
    assert ingest() == 0
    pictures, bags = [], []
    for parts in (2, 1, 3):
        assert shard(parts=parts) == 0
        names = {path.name for path in (study / "shards/slides").iterdir()}
        own = {f"part-{part}.{ending}" for part in all_parts(parts) for ending in ("parquet", "json", "png")}
        assert names == {*own, "slides.parquet", "slides.png", "dataset.json"}
        pictures.append((study / "shards/slides/slides.png").read_bytes())
        found = bags_of(study)
        bags.append([(one.patient_id, one.slide_id, one.embeddings.tobytes()) for one in found.bags()])
    assert pictures[0] == pictures[1] == pictures[2]
    assert bags[0] == bags[1] == bags[2]
    assert [patient for patient, *_ in bags[0]] == ["P2", "TCGA-CS-0001"]


def test_who_is_excluded_is_in_no_part_and_other_parts_stay_as_they_are(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (part_of("P2", 3), part_of("TCGA-CS-0001", 3)) == ("2-of-3", "1-of-3")
    assert ingest() == 0
    assert shard(parts=3) == 0
    first = {path.name: path.read_bytes() for path in (study / "shards/slides").glob("part-*")}
    assert shard(parts=3, excluded=("P2",)) == 0
    second = {path.name: path.read_bytes() for path in (study / "shards/slides").glob("part-*")}
    assert {name for name in first if first[name] != second[name]} == {
        f"part-2-of-3.{ending}" for ending in ("parquet", "json", "png")
    }
    assert [bag.patient_id for bag in bags_of(study).bags()] == ["TCGA-CS-0001"]
    assert bags_of(study).stated["rows"] > 0
    # A part that was not told of an exclusion is named.
    cohort = (study / "cohort.parquet").read_bytes()
    assert shard(parts=3) == 0
    (study / "cohort.parquet").write_bytes(cohort)
    told = ["--parts=3", "--cohort=cohort.parquet", "--output=shards/slides/dataset.json"]
    assert main(["describe-bags", "--modality=slides", *told]) == 5
    assert "P2 is in a part, not in the cohort" in capsys.readouterr().err


def test_vectors_from_elsewhere_become_bags(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    h5py = pytest.importorskip("h5py")
    shutil.rmtree(study / "slides")
    (study / "slides").mkdir()
    values = {"P1__a": np.arange(8.0).reshape(2, 4), "P2__a": np.ones((1, 3, 4), np.float16)}
    for name, features in values.items():
        with h5py.File(study / f"slides/{name}.h5", "w") as file:
            file["features"] = features
            file["coords"] = np.array([[256, 0], [0, 0], [0, 256]])[: features.shape[-2]]
    (study / "slides/P3.pt").touch()
    assert ingest("precomputed") == 0
    found = bags_of(study)
    assert (found.stated["encoder"], found.width, found.stated["simulated"]) == ("precomputed", 4, False)
    [bag] = found.bags(["P1"])
    assert bag.tissue is None
    assert bag.embeddings.tolist() == values["P1__a"][[1, 0]].tolist()
    assert "P3.pt" in capsys.readouterr().out
    with h5py.File(study / "slides/P2__a.h5", "w") as file:
        file["features"], file["coords"] = np.ones((1, 5)), np.zeros((1, 2), int)
    assert ingest("precomputed") == 5
    assert "P2: P2__a: vectors (1, 5)" in capsys.readouterr().err


def test_the_same_tile_of_two_patients_is_found_by_the_check_of_leaks(study: Path) -> None:
    shutil.copyfile(study / "slides" / SECOND, study / "slides/P9.svs")
    assert ingest() == 0
    found = digests_of_shard(study / "shards/slides/dataset.json", study)
    assert found.what == "slides tile"
    assert sorted(found.repeated) == ["P9", "TCGA-CS-0001"]
    assert found.n_patients == 3
    assert found.n_digests == bags_of(study).stated["rows"]


def test_no_byte_of_label_or_macro_is_in_any_output_of_the_real_slide(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openslide

    monkeypatch.chdir(tmp_path)
    (tmp_path / "slides").mkdir()
    shutil.copyfile(real, tmp_path / "slides/CMU-1.svs")
    assert ingest(tile_px=256, mpp=0.5) == 0
    [row] = bags_of(tmp_path).slides.to_pylist()
    assert 24 <= row["tiles"] <= 28
    assert not json.loads((tmp_path / "locks/slides.json").read_text())["simulated"]
    outputs = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "slides"]
    outputs += [*(tmp_path / "shards/slides").iterdir(), *(tmp_path / "raw/slides").iterdir()]
    with openslide.OpenSlide(real) as slide:
        hidden = {name: slide.associated_images[name].convert("RGB") for name in ("label", "macro")}
        words = [slide.properties[f"aperio.{name}"] for name in ("User", "Date", "ImageID")]
    for path in outputs:
        data = path.read_bytes()
        assert not [word for word in words if len(word) > 5 and word.encode() in data]
        for picture in hidden.values():
            pixels = np.asarray(picture)
            strips = [pixels[y, x : x + 16].tobytes() for y in range(5, pixels.shape[0], 40) for x in (40, 200)]
            assert not [strip for strip in strips if len(set(strip)) > 12 and strip in data]
    with Image.open(tmp_path / "shards/slides/slides.png") as sheet:
        shown = {tuple(one) for one in np.asarray(sheet.convert("RGB")).reshape(-1, 3).tolist()}
    label = {tuple(one) for one in np.asarray(hidden["label"]).reshape(-1, 3).tolist()}
    assert len(label - shown) > 0.5 * len(label)
