"""An archive of three channels, from its zip to masks of new patients; some lack a channel, as in the real one."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import nibabel
import numpy as np
import pytest

from channel_archive import CHANNELS, description_line, draw, files_of, shard_line
from mgi.cli import main
from mgi.modalities.flair.brain import brain_mask
from mgi.release.package import load_release
from mgi.shards.image_shard import read_images
from mgi.tasks.segmentation.prediction_file import read_volumes
from mgi.training.weights import load_weights

GENES = [f"ENSG{index:03d}" for index in range(12)]
LACKING = {0: ["pre"], 1: ["post"], 6: ["pre", "post"]}  # by the patient's number
ALL = '{"channels": ["pre", "flair", "post"]}'
Drawn = dict[str, tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def write_archive_study(write_study: type) -> Callable[..., Any]:
    """Write the study whose images come from an archive; `change` may alter what it holds."""

    class FromArchive(write_study):  # type: ignore[misc]
        MODEL: ClassVar = {**write_study.MODEL, "context_slices": 1}

        def __init__(self, folder: Path, settings: str, change: Callable[[Drawn], None] = lambda drawn: None) -> None:
            self.settings, self.change = settings, change
            super().__init__(folder)

        def _write_images(self, drawn: dict[str, dict[str, np.ndarray]]) -> None:
            self.drawn = {
                patient: draw(index, self.SHAPE, LACKING.get(index, []))
                for index, patient in enumerate(drawn)
                if patient not in self.role("unpaired_expression")
            }
            self.change(self.drawn)
            assert main(["shard", *shard_line(self.folder, self.drawn, self.settings)]) == 0
            assert main(["describe-volumes", *description_line(self.folder, self.drawn)]) == 0

    return FromArchive


@pytest.fixture(scope="module")
def three(write_archive_study: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A study of three channels with everything trained and predicted; only for reading."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    study = write_archive_study(tmp_path_factory.mktemp("three"), ALL)
    study.all_runs()
    return study


@pytest.fixture(scope="module")
def model(three: Any) -> Path:
    """The U-Net of the study, released."""
    results = three.folder / "results"
    for source, target in (
        ("runs", "runs"), ("images", "shards/flair"), ("expression", "shards/rna"), ("genes.parquet", "folds/0"),
        ("split.parquet", "tables"),
    ):  # fmt: skip
        given, place = three.folder / source, results / target
        if given.is_dir():
            shutil.copytree(given, place)
        else:
            place.mkdir(parents=True)
            shutil.copy(given, place)
    released: Path = three.folder / "released"
    assert main(["release", f"--weights={results}/runs/unet/weights.safetensors", f"--output={released}"]) == 0
    return released


def slices_on_disk(folder: Path, patient: str, drawn: tuple[np.ndarray, np.ndarray]) -> Path:
    """A patient's folder of the archive, unpacked."""
    folder.mkdir()
    for name, content in files_of(patient, *drawn).items():
        (folder / Path(name).name).write_bytes(content)
    return folder


def predict(image: Path, model: Path, output: Path) -> int:
    return main(["predict", str(image), f"--model={model}", f"--output={output}", "--force"])


def test_the_shard_holds_all_channels_and_says_who_lacks_one(three: Any) -> None:
    found = read_images(three.folder / "images")
    for index, patient in enumerate(three.patients):
        if patient not in found:
            continue
        for name, volume in zip(CHANNELS, found[patient].volumes, strict=True):
            if name in LACKING.get(index, []):
                assert not volume.any(), (patient, name)
            else:
                assert np.array_equal(volume, three.drawn[patient][0][..., CHANNELS.index(name)]), (patient, name)
    dataset = json.loads((three.folder / "images/dataset.json").read_text())
    assert dataset["channels"] == list(CHANNELS)
    assert {patient: [note.split(":")[0] for note in notes] for patient, notes in dataset["dropped"].items()} == {
        three.patients[index]: [f"channel {name}" for name in names] for index, names in LACKING.items()
    }


@pytest.mark.parametrize("key", ["pretrain", "mgi", "unet"])
def test_weights_read_every_channel_of_the_shard(key: str, three: Any) -> None:
    weights = load_weights(three.weights(key), genes=GENES)
    assert weights.model.channels == CHANNELS
    assert weights.model.image_channels == 9
    assert any(tensor.ndim == 4 and tensor.shape[1] == 9 for tensor in weights.tensors.values())


def test_every_test_patient_has_its_masks(three: Any) -> None:
    expected = dict.fromkeys((*three.role("test"), *three.role("unpaired_image")), three.SHAPE[0])
    for key in ("mgi", "unet"):
        found = {one.patient_id for one in read_volumes(three.folder / f"predictions/{key}.parquet", expected)}
        assert found == set(expected), key


def test_another_channel_changes_the_network_that_reads_it_and_no_other(
    three: Any, write_archive_study: Callable[..., Any], tmp_path: Path
) -> None:
    def brighter_before_contrast(drawn: Drawn) -> None:
        colours, mask = drawn["TCGA-AA-0002"]
        colours[..., 0] = np.where(mask > 0, 255, colours[..., 0])

    weights = {}
    for name, settings in (("all", ALL), ("alone", "{}"), ("said", '{"channels": ["flair"]}')):
        study = write_archive_study(tmp_path / name, settings, brighter_before_contrast)
        assert study.run("finetune", "unet", "unet") == 0
        weights[name] = study.weights("unet").read_bytes()
    untouched = write_archive_study(tmp_path / "untouched", "{}")
    assert untouched.run("finetune", "unet", "unet") == 0
    assert weights["all"] != three.weights("unet").read_bytes()
    assert weights["alone"] == weights["said"] == untouched.weights("unet").read_bytes()
    for name in ("part-1-of-1.parquet", "dataset.json"):
        alone, said = (tmp_path / one / "images" / name for one in ("alone", "said"))
        assert alone.read_bytes() == said.read_bytes()


def test_copies_without_scalp_are_learned_from(three: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def noted(volume: np.ndarray) -> np.ndarray:
        seen.append(volume.shape)
        return np.asarray(brain_mask(volume) | (volume > 100))

    monkeypatch.setattr("mgi.modalities.flair.brain.brain_mask", noted)
    settings = {"schedule": three.SCHEDULE, "augment": {"skull_strip": 0.5, "noise": 0.1, "gamma": 0.2, "blur": 0.5}}
    paths = {name: tmp_path / name for name in ("weights", "curves", "record")}
    paths["prepared-stripped"] = three.prepared(stripped=True)
    assert three.run("finetune", "stripped", "unet", settings=json.dumps(settings), **paths) == 0
    without_image = three.role("unpaired_expression")
    assert seen == [three.SHAPE] * (len(three.patients) - len(without_image))


def test_a_folder_of_slices_gets_the_mask_that_the_test_gave_it(three: Any, model: Path, tmp_path: Path) -> None:
    from PIL import Image

    assert load_release(model).weights.model.channels == CHANNELS
    assert json.loads((model / "config.json").read_text())["model"]["channels"] == list(CHANNELS)
    assert "channels pre, flair, post" in (model / "MODEL_CARD.md").read_text()
    patient = three.role("test")[0]  # lacks both
    folder = slices_on_disk(tmp_path / "slices", patient, three.drawn[patient])
    assert predict(folder, model, tmp_path / "masks") == 0
    counts = {patient: three.SHAPE[0]}
    (tested,) = read_volumes(three.folder / "predictions/unet.parquet", counts, patients=[patient])
    masks = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "masks").glob("*_mask.tif"))]
    assert np.array_equal(np.stack(masks) > 0, tested.probability >= 128)
    notes = json.loads((tmp_path / "masks.json").read_text())["notes"]
    assert [note.split(":")[0] for note in notes] == ["channel pre", "channel post"]


def test_an_image_of_flair_alone_is_refused_in_one_line(
    three: Any, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = three.role("test")[1]
    colours, mask = three.drawn[patient]
    nibabel.save(nibabel.Nifti1Image(colours[..., 1].T, np.diag([-1, -1, 5, 1])), tmp_path / "flair.nii.gz")
    grey = slices_on_disk(tmp_path / "grey", patient, (colours[..., 1], mask))
    dark = slices_on_disk(tmp_path / "dark", patient, (colours * np.array([0, 1, 0], np.uint8), mask))
    for image, output, message in (
        (
            tmp_path / "flair.nii.gz",
            "m.nii.gz",
            r"flair\.nii\.gz: nifti: channels: found flair, expected pre, flair, post",
        ),
        (grey, "g", r"_1\.tif: grey, expected RGB: the model reads channels pre, flair, post"),
        (dark, "d", r"dark: channel pre: every voxel is 0, expected an image"),
    ):
        capsys.readouterr()
        assert predict(image, model, tmp_path / output) == 5
        said = capsys.readouterr().err
        assert re.search(message, said), said
        assert said.count("\n") == 1
        assert not (tmp_path / output).exists()


def test_weights_and_shards_of_other_channels_are_refused(
    three: Any, write_archive_study: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = write_archive_study(tmp_path, "{}")
    for command, key, method, options in (
        ("predict-fold", "unet", "unet", {"weights": three.weights("unet")}),
        ("finetune", "mgi", "mgi", {"pretrained": three.weights("pretrain")}),
    ):
        capsys.readouterr()
        assert alone.run(command, key, method, **options) == 5
        said = capsys.readouterr().err
        assert re.search(r": channels: found flair, expected pre, flair, post\n$", said), said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda colours: colours[..., 1], r"TCGA-AA-0000: kaggle_3m/\S+_1\.tif: L \(24, 20\), expected mode RGB"),
        (
            lambda colours: colours * np.array([0, 1, 0], np.uint8),
            r"TCGA-AA-0000: kaggle_3m/TCGA_AA_0000_19970222: channel pre: every voxel is 0, expected an image",
        ),
    ],
    ids=["grey", "zeroed"],
)
def test_an_archive_without_the_channels_is_refused_by_name(
    change: Callable[[np.ndarray], np.ndarray], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    colours, mask = draw(0, (3, 20, 24))
    assert main(["shard", *shard_line(tmp_path, {"TCGA-AA-0000": (change(colours), mask)}, ALL)]) == 5
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert not (tmp_path / "images/dataset.json").exists()
