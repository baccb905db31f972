"""Released models that read further modalities: a new patient gets what the fold's prediction gives."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.modalities.fitted_features import read_fitted_features
from mgi.release.package import load_release
from mgi.release.use import segment_patient
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import read_images
from predicted_patients import report, table, write_slices

HAVE = {"cn": (0, 1, 2, 4, 5, 6, 8, 9, 10), "mirna": (0, 1, 3, 5, 6, 7, 8)}
COLUMN = {"cn": "gene_id", "mirna": "mirna_id"}
N_FEATURES = {"cn": 30, "mirna": 8}


def values_of(name: str) -> np.ndarray:
    """Numbers (11, F) of all patients; of copies mostly 2, and 4 in a patient whose genome is doubled."""
    rng = np.random.default_rng(len(name))
    if name == "mirna":
        return rng.gamma(2.0, 20.0, (11, N_FEATURES[name])).round(3)
    copies = np.where(rng.random((11, N_FEATURES[name])) < 0.2, rng.integers(0, 4, (11, N_FEATURES[name])), 2)
    copies[[3, 6]] *= 2
    return copies.astype(float)


def features_of(name: str) -> list[str]:
    return [f"ENSG{900 + number}.3" if name == "cn" else f"hsa-mir-{number}" for number in range(N_FEATURES[name])]


def write_table(path: Path, name: str, columns: dict[str, np.ndarray], features: list[str] | None = None) -> Path:
    """Features in rows, samples in columns."""
    rows = [[COLUMN[name], *columns], *([one, *(str(values[number]) for values in columns.values())]
            for number, one in enumerate(features or features_of(name)))]  # fmt: skip
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return path


class ReleasedWithModalities:
    """A study with copies and microRNAs that some lack, its fine-tuned run, its fold's predictions and its release.

    `beside` is expression, or nothing.
    """

    def __init__(self, study: Any, folder: Path, beside: tuple[str, ...] = ("rna",)) -> None:
        self.study, self.folder, self.results = study, folder, folder / "results"
        for name in HAVE:
            self._stage(name)
        given = ["--modality-shard", *(f"{name}={self.results}/shards/{name}/dataset.json" for name in HAVE)]
        given += ["--modality-fit", *(f"{name}={self.results}/folds/0/{name}.parquet" for name in HAVE)]
        schedule = {**study.SCHEDULE, "steps": 40, "validate_every": 40, "learning_rate": 0.01}
        settings = json.dumps({"schedule": schedule, "modalities": [*beside, *HAVE], "gene_encoder_lr_scale": 1.0})
        assert main([*study.line("finetune", "mgi", settings=settings), *given]) == 0
        assert main([*study.line("predict-fold", "mgi"), *given]) == 0
        shutil.copytree(study.folder / "runs", self.results / "runs")
        for kind, modality in (("images", "flair"), ("expression", "rna")):
            shutil.copytree(study.folder / kind, self.results / "shards" / modality)
        shutil.copyfile(study.folder / "genes.parquet", self.results / "folds/0/genes.parquet")
        (self.results / "tables").mkdir()
        shutil.copyfile(study.folder / "split.parquet", self.results / "tables/split.parquet")
        self.model = folder / "model"
        assert self.release(self.model) == 0

    def release(self, output: Path) -> int:
        return main(["release", f"--weights={self.results}/runs/mgi/weights.safetensors", f"--output={output}"])

    def _stage(self, name: str) -> None:
        """From a table of all who have it to a shard and the fold's fit, by the commands."""
        values, patients = values_of(name), self.study.patients
        path = write_table(self.folder / f"{name}.tsv", name, {patients[row]: values[row] for row in HAVE[name]})
        section = ["--modality", name, "--settings", json.dumps({"source": "matrix", "table": str(path)})]
        lock, index = self.folder / f"{name}-lock.json", self.folder / f"{name}-raw/batch-1-of-1.json"
        assert main(["lock", *section, f"--output={lock}"]) == 0
        assert main(["fetch", *section, f"--lock={lock}", "--batch=1-of-1", f"--output={index}"]) == 0
        shard = self.results / "shards" / name
        files = [str(shard / file) for file in ("values.parquet", "features.parquet", "dataset.json")]
        assert main(["shard", "--modality", name, f"--lock={lock}", "--index", str(index), "--table", str(path),
                     "--output", *files]) == 0  # fmt: skip
        assert main(["fit-features", "--modality", name, f"--shard={shard / 'dataset.json'}", "--fold=0",
                     "--settings={}", f"--split={self.study.folder / 'split.parquet'}",
                     f"--output={self.results}/folds/0/{name}.parquet"]) == 0  # fmt: skip

    def stored(self, patient: str, given: str = "own") -> np.ndarray:
        """The fold's prediction with the patient's own data."""
        rows = pq.read_table(self.study.folder / "predictions/mgi.parquet").to_pylist()
        own = [one["probability"] for one in rows if (one["patient_id"], one["expression_input"]) == (patient, given)]
        return np.stack([np.frombuffer(plane, np.uint8).reshape(self.study.SHAPE[1:]) for plane in own])

    def inputs(self, folder: Path, row: int) -> tuple[Path, Path]:
        """The image of a patient as slices, and the expression as a table."""
        patient = self.study.patients[row]
        voxels = read_images(self.results / "shards/flair", [patient])[patient].slices
        folder.mkdir(exist_ok=True)
        write_slices(folder / "slices", voxels.astype(np.uint8), "P_1")
        shard = read_expression(self.results / "shards/rna")
        values = shard.values[shard.patient_ids.index(patient)].astype(float).tolist()
        return folder / "slices", table(folder / "rna.tsv", shard.genes["gene_id"].tolist(), {patient: values})


@pytest.fixture(scope="module")
def released_several(write_study, tmp_path_factory) -> ReleasedWithModalities:
    folder = tmp_path_factory.mktemp("released_several")
    return ReleasedWithModalities(write_study(folder / "study"), folder)


@pytest.fixture(scope="module")
def released_without_expression(write_study, tmp_path_factory) -> ReleasedWithModalities:
    folder = tmp_path_factory.mktemp("released_without_expression")
    return ReleasedWithModalities(write_study(folder / "study"), folder, ())


@pytest.fixture
def probabilities(monkeypatch) -> Iterator[list[np.ndarray]]:
    """What the network said, beside the mask."""
    seen: list[np.ndarray] = []
    monkeypatch.setattr(
        "mgi.release.prediction.segment_patient", lambda *given: seen.append(segment_patient(*given)) or seen[-1]
    )
    return seen


def predict(model: Path, folder: Path, image: Path, expression: Path, *more: str) -> int:
    line = ["predict", str(image), f"--model={model}", f"--output={folder / 'masks'}", "--force"]
    return main([*line, f"--expression={expression}", *more])


@pytest.mark.parametrize("row", [6, 7])
def test_a_patient_gets_the_probabilities_of_the_folds_prediction(
    row: int, released_several, probabilities, tmp_path: Path, capsys
) -> None:
    several, patient = released_several, released_several.study.patients[row]
    image, expression = several.inputs(tmp_path, row)
    names = [name for name, have in HAVE.items() if row in have]
    tables = [f"{name}={several.folder / f'{name}.tsv'}" for name in names]
    assert predict(several.model, tmp_path, image, expression, "--modality", *tables, f"--patient={patient}") == 0
    assert np.abs(probabilities[0].astype(int) - several.stored(patient)).max() <= 1  # batches differ
    assert predict(several.model, tmp_path, image, expression) == 0
    assert np.abs(probabilities[1].astype(int) - several.stored(patient)).max() > 1  # null tokens of both
    said = report(tmp_path / "masks")
    assert said["modalities"] == {"cn": None, "mirna": None}
    assert f"genes of {patient}, cn: null token, mirna: null token" in capsys.readouterr().out


def test_what_was_read_is_told_and_gaps_are_counted_filled_and_refused_above_a_share(
    released_several, probabilities, tmp_path: Path, capsys
) -> None:
    image, expression = released_several.inputs(tmp_path, 6)
    own = values_of("mirna")[6]
    path = write_table(tmp_path / "t.tsv", "mirna", {"P": own[:6]}, features_of("mirna")[:6])
    given = (released_several.model, tmp_path, image, expression, "--modality", f"mirna={path}")
    assert predict(*given) == 5
    assert "2 of the model's 8 features of mirna have no value" in capsys.readouterr().err
    assert predict(*given, "--max-missing=0.3") == 0
    said = report(tmp_path / "masks")
    assert said["modalities"]["mirna"] == {
        "sample": "P", "unit": "log2(RPM+1)", "expected": 8, "missing": 2,
        "missing_features": ["hsa-mir-6", "hsa-mir-7"],
    }  # fmt: skip
    assert "missing_mirna" in {flag["flag"] for flag in said["flags"]}


def test_genes_without_a_version_are_found_and_the_whole_genome_says_what_is_neutral(
    released_several, probabilities, tmp_path: Path
) -> None:
    several, patient = released_several, released_several.study.patients[6]
    image, expression = several.inputs(tmp_path, 6)
    bare = [gene.partition(".")[0] for gene in features_of("cn")]
    path = write_table(tmp_path / "t.tsv", "cn", {"P": values_of("cn")[6]}, bare)
    mirna = f"mirna={several.folder / 'mirna.tsv'}"
    found = (several.model, tmp_path, image, expression, f"--patient={patient}", "--modality", mirna)
    assert predict(*found, f"cn={several.folder / 'cn.tsv'}") == 0
    assert main(["predict", str(image), f"--model={several.model}", f"--output={tmp_path / 'm'}", "--force",
                 f"--expression={expression}", "--modality", f"cn={path}"]) == 0  # fmt: skip
    release = load_release(several.model)
    space, fitted = release.further["cn"].space, release.further["cn"].fitted
    doubled = values_of("cn")[6].astype(np.float32)
    np.testing.assert_allclose(
        space.scaled(doubled, fitted) * fitted.deviation, (doubled - 4)[fitted.columns], atol=1e-5
    )
    assert report(tmp_path / "m")["modalities"]["cn"]["missing"] == 0


def test_the_release_has_the_folds_own_fits_and_the_card_names_them(released_several) -> None:
    model, results = released_several.model, released_several.results
    assert sorted(path.name for path in model.iterdir()) == [
        "MODEL_CARD.md", "cn.features.parquet", "cn.fit.parquet", "config.json", "configs", "genes.parquet",
        "mirna.features.parquet", "mirna.fit.parquet", "weights.safetensors",
    ]  # fmt: skip
    assert (model / "cn.fit.parquet").read_bytes() == (results / "folds/0/cn.parquet").read_bytes()
    card = (model / "MODEL_CARD.md").read_text()
    fitted = read_fitted_features(results / "folds/0/mirna.parquet")
    assert f"| mirna | {len(fitted.feature_ids)} features, fitted on the 3 training patients who have it |" in card
    assert "gene expression with cn, mirna beside it" in card


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--modality", "rppa=t.tsv"], "--modality: found rppa, expected cn, mirna"),
        (["--modality", "cn"], "--modality: found 'cn', expected NAME=PATH"),
        (["--modality", "cn=nothing.tsv"], "nothing.tsv"),
        (["--modality", "cn=foreign.tsv"], "foreign.tsv: none of 2 features of cn is known (such as 'A'"),
        (["--modality", "cn=two.tsv"], "--patient: missing; two.tsv has 2 samples, such as 'P'"),
        (["--modality", "cn=two.tsv", "--patient=TCGA-AA-0006"], "none of 2 samples of two.tsv by that name"),
        (["--modality", "cn=other.tsv"], "'TCGA-ZZ-0001', but --expression is of 'TCGA-AA-0006'"),
        (["--modality", "mirna=negative.tsv"], "negative.tsv: sample P, hsa-mir-0: found -1, expected a number of 0"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_no_mask(
    more, message, released_several, tmp_path: Path, capsys, monkeypatch
) -> None:
    image, expression = released_several.inputs(tmp_path / "in", 6)
    monkeypatch.chdir(tmp_path)
    copies = values_of("cn")[6]
    write_table(Path("foreign.tsv"), "cn", {"P": copies[:2]}, ["A", "B"])
    write_table(Path("two.tsv"), "cn", {"P": copies, "Q": copies})
    write_table(Path("other.tsv"), "cn", {"TCGA-ZZ-0001": copies})
    write_table(Path("negative.tsv"), "mirna", {"P": np.full(8, -1.0)})
    capsys.readouterr()
    assert predict(released_several.model, tmp_path, image, expression, *more) != 0
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "masks").exists()


def slices_of(several: ReleasedWithModalities, folder: Path, row: int) -> Path:
    """The image of a patient, who need not have expression."""
    patient = several.study.patients[row]
    write_slices(folder / "image", read_images(several.results / "shards/flair", [patient])[patient].slices, "P_1")
    return folder / "image"


def alone(several: ReleasedWithModalities, image: Path, folder: Path, row: int, *more: str) -> int:
    """Predict a patient with the tables of what the patient has, and without expression."""
    tables = [f"{name}={several.folder / f'{name}.tsv'}" for name, have in HAVE.items() if row in have]
    line = ["predict", str(image), f"--model={several.model}", f"--output={folder / 'masks'}", "--force"]
    return main([*line, "--modality", *tables, f"--patient={several.study.patients[row]}", *more])


def test_modalities_count_without_expression_as_in_the_folds_prediction(
    released_several, probabilities, tmp_path: Path, capsys
) -> None:
    image, patient = slices_of(released_several, tmp_path, 10), released_several.study.patients[10]
    assert alone(released_several, image, tmp_path, 10) == 0
    stored = [released_several.stored(patient, given) for given in ("further_alone", "null_token")]
    assert np.abs(probabilities[0].astype(int) - stored[0]).max() <= 1
    assert np.abs(probabilities[0].astype(int) - stored[1]).max() > 1
    assert f"genes: null token, cn of {patient}, mirna: null token" in capsys.readouterr().out
    assert set(report(tmp_path / "masks")["genes"]) == {"used"}


def test_a_model_without_expression_reads_its_modalities_alone(
    released_without_expression, probabilities, tmp_path: Path, capsys
) -> None:
    several, patient = released_without_expression, released_without_expression.study.patients[6]
    image, expression = several.inputs(tmp_path, 6)
    assert alone(several, image, tmp_path, 6) == 0
    assert np.abs(probabilities[0].astype(int) - several.stored(patient)).max() <= 1
    assert f"cn of {patient}, mirna of {patient}" in capsys.readouterr().out
    assert alone(several, image, tmp_path, 6, f"--expression={expression}") == 2
    assert "was trained without expression; leave it out" in capsys.readouterr().err
    assert main(["predict", str(image), f"--model={several.model}", f"--output={tmp_path / 'masks'}", "--force"]) == 0
    assert "without genes (null token)" in capsys.readouterr().out
    card = (several.model / "MODEL_CARD.md").read_text()
    assert "from the patient's cn and mirna" in card
    assert "not read by this model" in card
    inputs = json.loads((several.model / "configs/metadata.json").read_text())["network_data_format"]["inputs"]
    assert set(inputs) == {"image", "cn", "mirna"}


def test_a_modality_of_a_model_of_expression_alone_and_tables_of_two_patients_are_refused(
    released_several, released, flair, tmp_path: Path, capsys
) -> None:
    path = write_table(tmp_path / "t.tsv", "cn", {"TCGA-AA-0006": values_of("cn")[6]})
    other = write_table(tmp_path / "o.tsv", "mirna", {"TCGA-ZZ-0001": values_of("mirna")[6]})
    line = [f"--output={tmp_path / 'm.nii.gz'}", "--force", "--modality", f"cn={path}"]
    assert main(["predict", str(flair), f"--model={released.model('mgi')}", *line]) == 2
    assert "--modality: found cn, expected none" in capsys.readouterr().err
    assert main(["predict", str(flair), f"--model={released_several.model}", *line, f"mirna={other}"]) == 2
    assert "'TCGA-ZZ-0001', but --modality cn is of 'TCGA-AA-0006': not one patient" in capsys.readouterr().err


def test_each_of_a_cohort_gets_what_it_gets_alone_and_who_is_not_in_a_shared_table_the_null_token(
    released_several, probabilities, tmp_path: Path, capsys
) -> None:
    """Of two patients the first has both, the second microRNA alone, in a table of its own."""
    several, (sixth, seventh) = released_several, (released_several.study.patients[row] for row in (6, 7))
    for row in (6, 7):
        (tmp_path / str(row)).mkdir()
        slices_of(several, tmp_path / str(row), row)
    write_table(tmp_path / "own.tsv", "mirna", {"S": values_of("mirna")[7]})
    lines = ["patient\timage\tmirna", f"{sixth}\t6/image\t{several.folder}/mirna.tsv", f"{seventh}\t7/image\town.tsv"]
    (tmp_path / "p.tsv").write_text("\n".join(lines) + "\n")
    line = ["predict", f"--table={tmp_path / 'p.tsv'}", f"--model={several.model}", f"--output={tmp_path / 'out'}"]
    given = ["--force", "--modality", f"cn={several.folder / 'cn.tsv'}"]
    assert main([*line, *given]) == 5, "the table of microRNA has several samples, and no column says which"
    (tmp_path / "p.tsv").write_text("\n".join(lines).replace(f"{several.folder}/mirna.tsv", "six.tsv") + "\n")
    write_table(tmp_path / "six.tsv", "mirna", {"S": values_of("mirna")[6]})
    capsys.readouterr()
    assert main([*line, *given]) == 0
    used = [report(tmp_path / f"out/{patient}")["genes"]["used"] for patient in (sixth, seventh)]
    assert used == [f"genes: null token, cn of {sixth}, mirna of S", "genes: null token, cn: null token, mirna of S"]
    assert main([*line, *given]) == 0
    assert "2 done before" in capsys.readouterr().out
    later, earlier = probabilities[1], probabilities[0]  # the seventh was done when the sixth failed
    for row, found in ((6, later), (7, earlier)):
        (tmp_path / f"{row}/masks").mkdir()
        assert alone(several, tmp_path / f"{row}/image", tmp_path / str(row), row) == 0
        assert np.array_equal(probabilities[-1], found)


def test_a_shared_table_that_has_none_of_a_cohort_is_an_error(released_several, tmp_path: Path, capsys) -> None:
    slices_of(released_several, tmp_path, 6)
    (tmp_path / "p.tsv").write_text("patient\timage\nP6\timage\n")
    line = ["predict", f"--table={tmp_path / 'p.tsv'}", f"--model={released_several.model}", "--force"]
    shared = ["--modality", f"cn={released_several.folder / 'cn.tsv'}"]
    assert main([*line, f"--output={tmp_path / 'out'}", *shared]) == 5
    assert "cn.tsv: found none of 1 patients, such as P6, expected their names" in capsys.readouterr().err


def test_a_fit_that_is_not_the_runs_own_is_not_released(released_several, tmp_path: Path, capsys) -> None:
    results = Path(shutil.copytree(released_several.results, tmp_path / "results"))
    shutil.copyfile(results / "folds/0/mirna.parquet", results / "folds/0/cn.parquet")
    weights = f"--weights={results}/runs/mgi/weights.safetensors"
    assert main(["release", weights, f"--output={tmp_path / 'out'}"]) == 4
    assert "folds/0/cn.parquet" in capsys.readouterr().err


def test_a_changed_file_of_a_release_is_named(released_several, tmp_path: Path, flair, capsys) -> None:
    model = Path(shutil.copytree(released_several.model, tmp_path / "model"))
    (model / "cn.features.parquet").write_bytes((model / "mirna.features.parquet").read_bytes())
    assert main(["predict", str(flair), f"--model={model}", f"--output={tmp_path / 'm.nii.gz'}"]) != 0
    assert "cn.features.parquet: size" in capsys.readouterr().err
