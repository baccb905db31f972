import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mgi.modalities.rna.settings import FitSettings
from mgi.shards.image_shard import PatientImages
from mgi.tasks.segmentation import learning
from mgi.training.weights import load_weights

RUNS = {"mgi": ("mgi", None, True), "mgi-no-genes": ("mgi", "no-genes", True), "unet": ("unet", None, False)}
GENES = [f"ENSG{index:03d}" for index in range(12)]


def train(given, start, key: str) -> int:
    """One run of `given`, from the pre-trained encoders of the study `start` where its method has them."""
    method, control, pretrained = RUNS[key]
    options = {"pretrained": start.weights("pretrain")} if pretrained else {}
    return given.run("finetune", key, method, control, **options)


@pytest.mark.parametrize("key", RUNS)
def test_a_run_leaves_weights_curve_and_facts_and_no_checkpoints(key: str, study) -> None:
    folder = study.folder / "runs" / key
    assert sorted(path.name for path in folder.iterdir()) == ["curves.jsonl", "run.json", "weights.safetensors"]
    points = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == [2, 4]
    assert all(0 <= point["validation_dice"] <= 1 for point in points)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["run"]["method"] == RUNS[key][0]
    assert load_weights(folder / "weights.safetensors", genes=GENES).run.record() == facts["run"]


@pytest.mark.parametrize("key", RUNS)
def test_the_same_run_again_gives_the_same_bytes(key: str, study, write_study, tmp_path: Path) -> None:
    again = write_study(tmp_path)
    assert train(again, study, key) == 0
    assert again.weights(key).read_bytes() == study.weights(key).read_bytes()


@pytest.mark.parametrize("key", RUNS)
def test_a_test_patient_never_reaches_the_weights(key: str, study, write_study, tmp_path: Path) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient in study.role("test"):
            arrays["volume"][:] = arrays["volume"][..., ::-1] * 3
            arrays["mask"][:] = 1 - arrays["mask"]
            arrays["values"][:] = 1e6

    other = write_study(tmp_path, change)
    assert train(other, study, key) == 0
    assert other.weights(key).read_bytes() == study.weights(key).read_bytes()


def test_the_truth_of_a_training_patient_reaches_the_weights(study, write_study, tmp_path: Path) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient in study.role("train"):
            arrays["mask"][:] = 1 - arrays["mask"]

    other = write_study(tmp_path, change)
    assert train(other, study, "unet") == 0
    assert other.weights("unet").read_bytes() != study.weights("unet").read_bytes()


def test_without_genes_the_expression_never_reaches_the_weights(study, write_study, tmp_path: Path) -> None:
    def change(_: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["values"][:] = arrays["values"][::-1].copy()

    other = write_study(tmp_path, change)
    for key, same in (("mgi-no-genes", True), ("mgi", False)):
        assert train(other, study, key) == 0
        assert (other.weights(key).read_bytes() == study.weights(key).read_bytes()) == same


def test_training_starts_from_the_pretrained_encoders(study, write_study, tmp_path: Path) -> None:
    other = write_study(tmp_path)
    still = {"schedule": {**study.SCHEDULE, "learning_rate": 1e-30}}
    for key, options in (("from", {"pretrained": study.weights("pretrain")}), ("fresh", {})):
        assert other.run("finetune", key, settings=json.dumps(still), **options) == 0
    pretrained, start, fresh = (
        load_weights(path, genes=GENES).tensors["gene_encoder.tokens.weight"]
        for path in (study.weights("pretrain"), other.weights("from"), other.weights("fresh"))
    )
    assert start.equal(pretrained)
    assert not fresh.equal(pretrained)


@pytest.mark.parametrize("key", ["mgi", "unet"])
def test_a_run_killed_on_its_way_ends_with_the_same_bytes(
    key: str, study, write_study, tmp_path: Path, monkeypatch
) -> None:
    loss_of, done = learning.segmentation_loss, []

    def killed_at_the_fourth(*given: object) -> object:
        done.append(1)
        if len(done) == 4:
            raise KeyboardInterrupt
        return loss_of(*given)

    other = write_study(tmp_path)
    monkeypatch.setattr("mgi.tasks.segmentation.learning.segmentation_loss", killed_at_the_fourth)
    assert train(other, study, key) == 130
    assert not other.weights(key).exists()
    assert train(other, study, key) == 0
    assert len(done) == 4 + 2  # steps 3 and 4 are done again, 1 and 2 are not
    assert other.weights(key).read_bytes() == study.weights(key).read_bytes()


class TestStrippedCopies:
    """Runs with `augment.skull_strip`: copies of the training patients without scalp, here with half of each level."""

    @pytest.fixture
    def stripped(self, monkeypatch) -> list[tuple[int, ...]]:
        """Each volume that was stripped, by its shape."""
        seen: list[tuple[int, ...]] = []

        def halved(images: PatientImages) -> PatientImages:
            volume = images.slices
            seen.append(volume.shape)
            return replace(images, slices=np.where(np.arange(volume.shape[2]) < 4, 0, volume // 2))

        monkeypatch.setattr("mgi.commands.prepare_slices.images_without_scalp", halved)
        return seen

    def train(self, given, share: float) -> int:
        settings = {"schedule": given.SCHEDULE, "augment": {"skull_strip": share}}
        more = {"prepared-stripped": given.prepared(stripped=True)} if share else {}
        return given.run("finetune", "unet", "unet", None, settings=json.dumps(settings), **more)

    def test_without_the_copies_the_option_is_named(self, write_study, tmp_path, capsys):
        other = write_study(tmp_path)
        settings = {"schedule": other.SCHEDULE, "augment": {"skull_strip": 0.5}}
        assert other.run("finetune", "unet", "unet", None, settings=json.dumps(settings)) == 2
        assert "--prepared-stripped: missing, expected" in capsys.readouterr().err

    def test_by_default_there_are_none_and_the_weights_are_as_before(self, stripped, study, write_study, tmp_path):
        other = write_study(tmp_path)
        assert self.train(other, 0.0) == 0
        assert not stripped
        assert other.weights("unet").read_bytes() == study.weights("unet").read_bytes()

    def test_copies_of_all_are_prepared_once_and_a_killed_run_ends_with_the_same_bytes(
        self, stripped, study, write_study, tmp_path, monkeypatch
    ):
        one, two = (write_study(tmp_path / name) for name in ("one", "two"))
        assert self.train(one, 0.5) == 0
        assert len(stripped) == len(one.patients) - len(one.role("unpaired_expression"))
        assert one.weights("unet").read_bytes() != study.weights("unet").read_bytes()
        loss_of, done = learning.segmentation_loss, []

        def killed_at_the_fourth(*given: object) -> object:
            done.append(1)
            if len(done) == 4:
                raise KeyboardInterrupt
            return loss_of(*given)

        monkeypatch.setattr("mgi.tasks.segmentation.learning.segmentation_loss", killed_at_the_fourth)
        assert self.train(two, 0.5) == 130
        assert self.train(two, 0.5) == 0
        assert two.weights("unet").read_bytes() == one.weights("unet").read_bytes()


def test_encoders_pretrained_on_another_gene_list_are_refused(study, write_study, tmp_path: Path, capsys) -> None:
    class Fewer(write_study):
        N_GENES = 11

    other = Fewer(tmp_path)
    capsys.readouterr()
    assert train(other, study, "mgi") == 5
    said = capsys.readouterr().err
    assert re.search(r"1 .*12 .*missing .*0 .*11 .* 12: .*none.*'ENSG011'", said)
    assert said.count("\n") == 1


def test_encoders_pretrained_on_another_order_of_the_same_genes_are_refused(
    study, write_study, tmp_path: Path, capsys
) -> None:
    class Shuffled(write_study):
        FILTER = FitSettings(gene_order="random")

    other = Shuffled(tmp_path)
    start, final = {"pretrained": study.weights("pretrain")}, {"weights": study.weights("mgi")}
    for command, options in (("finetune", start), ("predict-fold", final)):
        capsys.readouterr()
        assert other.run(command, "mgi", **options) == 5
        assert re.search("gene list: .*12 .*order", capsys.readouterr().err)


class TestPathways:
    """All three commands with tokens of gene sets; prediction takes the sets from the weights."""

    GMT = "one\tx\tENSG000\tENSG011.4\nnone\tx\tTP53\ntwo\tx\tENSG001\tENSG000\n"

    @pytest.fixture
    def gmt(self, tmp_path: Path) -> Path:
        path = tmp_path / "sets.gmt"
        path.write_text(self.GMT)
        return path

    @pytest.fixture
    def own(self, write_study, tmp_path: Path, gmt: Path, capsys):
        given = write_study(tmp_path / "study")
        self.model = json.dumps({**given.MODEL, "gene_tokens": "pathway"})
        assert given.run("pretrain", "pretrain", model=self.model, pathways=gmt) == 0
        return given

    def test_a_run_trains_predicts_and_says_which_genes_it_does_not_read(self, own, gmt: Path, capsys) -> None:
        facts = json.loads((own.folder / "runs/pretrain/run.json").read_text())
        assert facts["pathways"] == {"used": 2, "dropped": ["none"], "genes_in_none": 9, "genes_not_found": 1}
        start = own.weights("pretrain")
        assert own.run("finetune", "mgi", model=self.model, pathways=gmt, pretrained=start) == 0
        gmt.unlink()
        assert own.run("predict-fold", "mgi") == 0
        assert load_weights(own.weights("mgi"), genes=GENES).gene_sets == {"one": [0, 11], "two": [0, 1]}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("two\tx\tENSG001\tENSG000\n", "gene sets: 2 of 2 "),
            ("one\tx\tENSG000\ntwo\tx\n", "sets.gmt: line 2: found 'two\\tx'"),
            ("one\tx\t7157\n", "sets.gmt: none of 1 "),
        ],
    )
    def test_other_or_broken_sets_are_refused_in_one_line(self, own, gmt: Path, text, message, capsys) -> None:
        gmt.write_text(text)
        capsys.readouterr()
        start = own.weights("pretrain")
        assert own.run("finetune", "mgi", model=self.model, pathways=gmt, pretrained=start) == 5
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mgi finetune:")]
        assert len(said) == 1
        assert message in said[0]

    def test_pathways_without_a_file_are_refused_with_the_key(self, own, capsys) -> None:
        assert own.run("pretrain", "broken", model=self.model) == 2
        assert "model.gene_tokens: pathway " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "pretrained", "message"),
    [("nnunet", False, "method 'nnunet': "), ("unet", True, " image_encoder: ")],
)
def test_a_method_that_cannot_be_trained_so_is_one_line(method, pretrained, message, study, capsys) -> None:
    options = {"pretrained": study.weights("pretrain")} if pretrained else {}
    assert study.run("finetune", "broken", method, **options) == 5
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
