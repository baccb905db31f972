"""Released models of slides: a slide, or the vectors of its tiles, gives what the fold predicted of the patient."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelled_slides import LabelledSlides
from mgi.cli import main
from mgi.locks.item import Item
from mgi.modalities.slides.conversion import convert_slide
from mgi.modalities.slides.encoders import open_encoder
from mgi.modalities.slides.settings import SlidesSettings
from mgi.shards.bags import Bag
from mgi.shards.expression_shard import read_expression
from mgi_standin.simulation.slides import Histology, draw_slide
from mgi_standin.simulation.slides_svs import write_slide
from slide_study import write_bags

pytest.importorskip("openslide")
h5py = pytest.importorskip("h5py")
CHOSEN = SlidesSettings(folder=".", tile_px=64, mpp=1.0)
FACTORS = {"size": 0.0, "margin": 0.0, "contrast": 0.0}
TASKS = ("classification", "survival")


class ReleasedSlides:
    """Results on slides of which one, a test patient's, is there as a file; a release of each task."""

    def __init__(self, study: Any, folder: Path) -> None:
        self.slides, self.folder, self.results = LabelledSlides(study), folder, folder / "results"
        self.patient = study.role("test")[0]
        self.path, self.bag = folder / "slide.svs", self._written(folder / "slide.svs")
        tiles = self.bag.embeddings.astype(np.float64)
        rng = np.random.default_rng(0)
        others = [
            replace(
                self.bag,
                patient_id=patient,
                slide_id=f"{patient}-DX1",
                embeddings=(tiles + rng.normal(0, 1 + tiles.std(0), tiles.shape)).astype(np.float16),
            )
            for patient in study.patients
            if patient != self.patient
        ]
        shard = self.slides.shard = self.results / "shards/slides"
        shard.mkdir(parents=True)
        write_bags(shard, [self.bag, *others], tile_px=64, mpp=1.0, min_tissue=0.5)
        shutil.copytree(study.folder / "expression", self.results / "shards/rna")
        for source, target in (("genes.parquet", "folds/0/genes.parquet"), ("split.parquet", "tables/split.parquet")):
            (self.results / target).parent.mkdir(parents=True)
            shutil.copyfile(study.folder / source, self.results / target)
        for task in TASKS:
            run = self.slides.described(task)
            assert self.slides.finetune(run, start=None) == 0
            shutil.copytree(study.folder / f"runs/{run.key}", self.results / f"runs/{run.key}")
            shutil.copyfile(self.slides.predict(run), folder / f"{task}.parquet")
            weights = self.results / f"runs/{run.key}/weights.safetensors"
            assert main(["release", f"--weights={weights}", f"--output={folder / task}"]) == 0
        shard = read_expression(self.results / "shards/rna")
        genes = shard.values[shard.patient_ids.index(self.patient)]
        lines = [f"ENSG{index:03d}\t{value}" for index, value in enumerate(genes)]
        (folder / "genes.tsv").write_text("\n".join(["gene\tP", *lines]) + "\n")

    def _written(self, path: Path) -> Bag:
        """The tiles of a slide that is written to `path`, as a shard would have them."""
        histology = Histology(subtype="IDHwt", factors=FACTORS)
        write_slide(path, draw_slide(histology, shape=(512, 512), mpp=1.0, rng=np.random.default_rng(0)))
        item = Item(patient_id=self.patient, key=path.name, role="slides", size=1, chosen=True, reason="")
        return convert_slide(path, item, CHOSEN, open_encoder(CHOSEN, None), source="").bag

    def predicted(self, task: str, given: str) -> dict[str, Any]:
        """The row of the fold's prediction file."""
        rows = pq.read_table(self.folder / f"{task}.parquet").to_pylist()
        (row,) = (row for row in rows if (row["patient_id"], row["expression_input"]) == (self.patient, given))
        return row

    def vectors(self, path: Path, width: int | None = None, px: int = 64) -> Path:
        """A .h5 file of the slide's tiles, of the first `width` numbers."""
        with h5py.File(path, "w") as file:
            file["features"] = self.bag.embeddings[:, :width]
            file["coords"] = self.bag.corners
            file["coords"].attrs["patch_size"] = px
        return path


@pytest.fixture(scope="module")
def released(write_study, tmp_path_factory) -> ReleasedSlides:
    folder = tmp_path_factory.mktemp("slides")
    return ReleasedSlides(write_study(folder / "study"), folder)


def predict(model: Path, output: Path, *options: object) -> int:
    done: int = main(["predict", *map(str, options), f"--model={model}", f"--output={output}"])
    return done


@pytest.mark.parametrize("kind", ["slide", "vectors"])
@pytest.mark.parametrize(
    ("given", "seen", "genes"), [("own", True, True), ("null_token", True, False), ("image_left_out", False, True)]
)
@pytest.mark.parametrize("task", TASKS)
def test_a_release_says_what_the_fold_predicted(
    released: ReleasedSlides, tmp_path: Path, task: str, given: str, seen: bool, genes: bool, kind: str
) -> None:
    path = released.path if kind == "slide" else released.vectors(tmp_path / "slide.h5")
    options = [
        *([f"--slide={path}"] if seen else []),
        *([f"--expression={released.folder / 'genes.tsv'}"] if genes else []),
    ]
    assert predict(released.folder / task, tmp_path / "answer.json", *options) == 0
    report = json.loads((tmp_path / "answer.json").read_text())
    answer, expected = report["answer"], released.predicted(task, given)
    if task == "classification":
        assert list(answer["probability"].values()) == pytest.approx(expected["probability"], abs=1e-4)
        return
    assert answer["survival"] == pytest.approx(expected["survival"], abs=1e-4)
    assert answer["risk"] == pytest.approx(expected["risk"], abs=1e-3)


def test_the_report_and_the_card_say_what_was_read(released: ReleasedSlides, tmp_path: Path) -> None:
    assert predict(released.folder / "classification", tmp_path / "answer.json", f"--slide={released.path}") == 0
    report = json.loads((tmp_path / "answer.json").read_text())
    assert (report["image"], report["kind"]) == ("slide.svs", "slide")
    assert report["tiles"] == len(released.bag.corners)
    card = (released.folder / "classification/MODEL_CARD.md").read_text()
    assert "whole-slide images" in card
    assert "tiles of 64 x 64 pixels of 1.0 µm; vectors of 37 numbers by handmade" in card
    config = json.loads((released.folder / "classification/config.json").read_text())
    assert config["training_range"]["source"] == {
        "encoder": "handmade", "width": 37, "tile_px": 64, "mpp": 1.0, "min_tissue": 0.5, "weights_of": None,
        "weights_sha256": None, "pixel_mean": None, "pixel_sd": None,
    }  # fmt: skip


def test_a_table_of_slides_is_answered_and_other_programs_are_told_of_tiles(
    released: ReleasedSlides, tmp_path: Path
) -> None:
    released.vectors(tmp_path / "slide.h5")
    (tmp_path / "patients.tsv").write_text(f"patient\tslide\nA\t{released.path}\nB\tslide.h5\nC\tnowhere.svs\n")
    model = released.folder / "classification"
    assert predict(model, tmp_path / "out", f"--table={tmp_path / 'patients.tsv'}") == 5
    answers = [json.loads((tmp_path / f"out/{patient}.json").read_text())["answer"] for patient in "AB"]
    assert answers[0]["probability"] == pytest.approx(answers[1]["probability"], abs=1e-4)
    table = (tmp_path / "out/patients.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in table[1:]] == [["A", "done"], ["B", "done"], ["C", "failed"]]
    metadata = json.loads((model / "configs/metadata.json").read_text())
    assert metadata["network_data_format"]["inputs"]["tiles"]["num_channels"] == 37


def test_vectors_of_unknown_make_are_said_to_be(released: ReleasedSlides, tmp_path: Path) -> None:
    path = released.vectors(tmp_path / "slide.h5")
    assert predict(released.folder / "classification", tmp_path / "answer.json", f"--slide={path}") == 0
    notes = json.loads((tmp_path / "answer.json").read_text())["notes"]
    assert notes == ["the file of vectors does not say which encoder made them"]


def test_a_slide_far_from_training_is_refused_unless_forced(
    released: ReleasedSlides, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slide.h5"
    with h5py.File(path, "w") as file:
        file["features"], file["coords"] = released.bag.embeddings + 1000, released.bag.corners
    model, output = released.folder / "classification", tmp_path / "answer.json"
    assert predict(model, output, f"--slide={path}") != 0
    assert "flag mean_tile" in capsys.readouterr().err.strip().splitlines()[-1]
    assert predict(model, output, f"--slide={path}", "--force") == 0
    assert json.loads(output.read_text())["forced"] == ["mean_tile"]


REFUSED = {
    "another width": (["--slide={narrow}"], "features: found 12 numbers a tile, expected 37, of handmade"),
    "another size of tiles": (["--slide={large}"], "patch_size: found 256, expected modalities.slides.tile_px, 64"),
    "a scan": (["{slide}"], "found no --slide, expected one or none"),
    "weights of none": (["--slide={slide}", "--tile-weights={slide}"], "--tile-weights: found"),
    "no slide": (["--slide={genes}"], "not read by OpenSlide"),
    "neither": ([], "--slide and --expression: both missing, expected one at least"),
    "mpp alone": (["--mpp=0.5"], "--mpp: only with --slide"),
    "an mpp of no scanner": (["--slide={slide}", "--mpp=50"], "--mpp: found 50, expected 0.05 to 8"),
    "a pickle": (["--slide={pickle}"], "may be a pickle"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_model_cannot_read_is_one_line(
    released: ReleasedSlides, tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options, said = REFUSED[case]
    (tmp_path / "slide.pt").write_bytes(b"x")
    paths = {
        "narrow": released.vectors(tmp_path / "narrow.h5", 12),
        "large": released.vectors(tmp_path / "large.h5", px=256),
        "slide": released.path,
        "genes": released.folder / "genes.tsv",
        "pickle": tmp_path / "slide.pt",
    }
    given = [one.format(**paths) for one in options]
    assert predict(released.folder / "classification", tmp_path / "answer.json", *given) != 0
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
