"""What the files of the probes hold, that they come again byte by byte, and what is refused in one line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.core.sidecar import verified
from mgi.probes.tables import COLUMNS, FILES
from mgi.shards.parquet import check_seal, write_table
from probed_world import IS_WILD, PATIENTS, options, write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = write_world(tmp_path_factory.mktemp("world"), idh=("rna",))
    assert main(options(folder)) == 0
    return folder


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "probe" / name)


def test_genes_tell_the_class_that_images_do_not(world: Path) -> None:
    rows = read(world, "probes.csv")
    assert list(rows.columns) == list(COLUMNS["probes.csv"])
    own = rows[(rows["table"] == "paired") & (rows["classifier"] == "logistic") & (rows["labelled"] == "all")]
    auc = own.set_index("features")["auc"]
    assert auc["genes"] > 0.95
    assert auc["components"] > 0.95
    assert 0.2 < auc["image"] < 0.8
    assert ((rows["permuted"] - 0.5).abs() < 0.15).all()
    assert set(own["n"]) == {12}


def test_circular_sets_are_marked(world: Path) -> None:
    rows = read(world, "probes.csv")
    marked = set(rows.loc[rows["circular"] == "idh is read off rna", "features"])
    assert marked == {"genes", "both", "genes_untrained", "both_untrained", "components", "clinical_and_components"}


def test_predictions_and_maps_hold_what_the_report_draws(world: Path) -> None:
    predictions = pq.read_table(world / "probe/out_of_fold.parquet").to_pandas()
    own = predictions[(predictions["features"] == "genes") & (predictions["class"] == "WT")]
    truth = dict(zip(PATIENTS, IS_WILD, strict=True))
    assert {patient: one == "WT" for patient, one in zip(own["patient_id"], own["truth"], strict=True)} == {
        patient: truth[patient] for patient in own["patient_id"]
    }
    places = pq.read_table(world / "probe/maps.parquet").to_pandas()
    assert set(places["label_idh"]) == {"WT", "Mutant"}
    assert set(places["vectors"]) == {"image", "image_tumour", "genes"}
    assert set(read(world, "survival.csv")["target"]) == {"OS"}


def test_every_file_is_sealed_and_comes_again_byte_by_byte(world: Path, tmp_path: Path) -> None:
    assert main(options(world, output=tmp_path / "again")) == 0
    for name in FILES:
        one, two = (folder / name for folder in (world / "probe", tmp_path / "again"))
        if name.endswith(".csv"):
            verified(one)
            assert one.read_bytes() == two.read_bytes()
        else:
            check_seal(one)
            assert pq.read_table(one).equals(pq.read_table(two))


def test_features_of_tumours_are_probed_where_they_are_given(world: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    schema = pa.schema([("patient_id", pa.string()), ("log_volume", pa.float64())])
    for name, patients in (("true", PATIENTS), ("predicted", PATIENTS[9:12])):
        rows = {"patient_id": patients, "log_volume": rng.normal(size=len(patients))}
        write_table(tmp_path / f"{name}.parquet", pa.table(rows, schema=schema))
    given = {"lesion-features": tmp_path / "true.parquet", "lesion-features-predicted": tmp_path / "predicted.parquet"}
    assert main(options(world, output=tmp_path / "probe", **given)) == 0
    rows = read(tmp_path, "probes.csv")
    lacking = rows[rows["table"] == "paired"].groupby("features")["lacking"].first()
    assert (lacking["lesion"], lacking["lesion_predicted"]) == (0, 9)


def test_a_table_that_is_none_of_tumour_features_is_refused(world: Path, tmp_path: Path, capsys) -> None:
    write_table(tmp_path / "other.parquet", pa.table({"patient_id": ["x"], "side": ["left"]}))
    assert main(options(world, output=tmp_path / "probe", **{"lesion-features": tmp_path / "other.parquet"})) == 5
    assert "other.parquet: side: found string, expected patient_id, then numbers" in capsys.readouterr().err


def test_circular_sets_that_are_refused_are_left_out_and_named(world: Path, tmp_path: Path, capsys) -> None:
    from mgi.cohort.labels.file import read_labels

    refusing = tmp_path / "world"
    write_world(refusing, idh=("rna",))
    table = pq.read_table(refusing / "labels.parquet")
    about = table.schema.metadata[b"labels"].replace(b'"refuses_circular": false', b'"refuses_circular": true')
    write_table(refusing / "labels.parquet", table.replace_schema_metadata({"labels": about}))
    assert read_labels(refusing / "labels.parquet").refuses_circular
    capsys.readouterr()
    assert main(options(refusing)) == 0
    assert "idh: components is left out: circular, and labels.circular is refuse" in capsys.readouterr().out
    paired = read(refusing, "probes.csv").query("table == 'paired'")
    assert set(paired["features"]) == {
        "image", "image_tumour", "image_untrained", "image_tumour_untrained", "clinical",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options_given", "code", "said"),
    [
        ({"settings": '{"targets": ["grade"]}'}, 5, "labels: found no class 'grade', expected one of idh"),
        ({"settings": '{"permutations": 1}'}, 2, "probe.permutations: "),
        ({"settings": '{"smallest_class": 50}'}, 5, "labels: idh: found Mutant 40, WT 20, expected two classes of 50"),
        ({"embeddings": "none.parquet"}, 5, "none.parquet: missing"),
    ],
)
def test_what_cannot_be_probed_is_one_line(
    world: Path, tmp_path: Path, capsys, options_given: dict[str, str], code: int, said: str
) -> None:
    capsys.readouterr()
    assert main(options(world, output=tmp_path / "probe", **options_given)) == code
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "probe").exists()
