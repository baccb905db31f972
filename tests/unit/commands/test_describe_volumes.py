"""The description of a shard of images, from its finished parts; test_shard_images makes them by the commands."""

from pathlib import Path

import numpy as np
import pytest

from mgi.cli import main, parser_of
from mgi.cohort.duplicates import digest_of_image
from mgi.commands import describe_volumes
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import read_json
from mgi.core.parts import all_parts, part_of
from mgi.shards.dataset_manifest import read_dataset
from mgi.shards.image_parts import part_writer
from mgi.shards.image_shard import PatientImages, channels_of, read_images, rows_of
from small_locks import cohort_row, write_cohort_table

PATIENTS = [f"P{index}" for index in range(6)]


def write_parts(folder: Path, count: int) -> None:
    for part in all_parts(count):
        paths = (folder / f"part-{part}.parquet", folder / f"part-{part}.json")
        stated = {"modality": "flair", "source": "kaggle", "simulated": False}
        with part_writer(*paths, part=part, stated=stated, channels=("pre", "flair")) as writer:
            for patient in PATIENTS:
                if part_of(patient, count) == part:
                    slices = np.full((2, 3, 4), int(patient[1:]), np.uint8)
                    images = PatientImages(
                        patient_id=patient, slices=slices, others=slices[:, None], channels=("pre", "flair"),
                        masks=None, spacing_mm=None, positions_mm=None, source="s",
                    )  # fmt: skip
                    notes = ["a slice"] if patient == "P1" else []
                    writer.add(patient, rows_of(images), digest_of_image(slices), notes)


def describe(folder: Path, count: int, modality: str = "flair") -> None:
    table = write_cohort_table([cohort_row(patient) for patient in PATIENTS], folder / "cohort.parquet")
    given = ["--modality", modality, "--parts", str(count), "--cohort", str(table)]
    given += ["--output", str(folder / "shard/dataset.json")]
    describe_volumes.run(parser_of(describe_volumes).parse_args(given))


def test_the_description_adds_the_parts_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_parts(tmp_path / "shard", 3)
    describe(tmp_path, 3)
    assert capsys.readouterr().out == "6 patients, 12 slices in 3 parts\n"
    described = read_dataset(tmp_path / "shard", "volumes")
    assert sorted(described["files"]) == [f"part-{part}.parquet" for part in all_parts(3)]
    assert sum(one["rows"] for one in described["files"].values()) == 12
    records = [read_json(tmp_path / f"shard/part-{part}.json")["files"] for part in all_parts(3)]
    assert described["files"] == {name: file for one in records for name, file in one.items()}
    assert {key: described[key] for key in ("rows", "patients", "slices", "dropped", "source", "channels")} == {
        "rows": 12, "patients": 6, "slices": 12, "dropped": {"P1": ["a slice"]}, "source": "kaggle",
        "channels": ["pre", "flair"],
    }  # fmt: skip
    assert channels_of(tmp_path / "shard") == ("pre", "flair")
    assert list(read_images(tmp_path / "shard")) == PATIENTS


def test_what_an_earlier_number_of_parts_left_is_taken_away(tmp_path: Path) -> None:
    shard = tmp_path / "shard"
    write_parts(shard, 3)
    describe(tmp_path, 3)
    (shard / "slices.parquet").touch()  # of an older version
    write_parts(shard, 1)
    describe(tmp_path, 1)
    assert {path.name for path in shard.iterdir()} == {"part-1-of-1.parquet", "part-1-of-1.json", "dataset.json"}


def test_parts_of_another_modality_or_number_are_refused(tmp_path: Path) -> None:
    write_parts(tmp_path / "shard", 2)
    with pytest.raises(BadInputError, match=r"part-1-of-2\.json: modality: found 'flair', expected 't2'"):
        describe(tmp_path, 2, "t2")
    with pytest.raises(BadInputError, match=r"part-1-of-3\.json: missing"):
        describe(tmp_path, 3)
    with pytest.raises(ConfigError, match=r"--parts: found .*, 0, expected"):
        describe(tmp_path, 0)
    assert not (tmp_path / "shard/dataset.json").exists()


def test_a_modality_without_parts_takes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--modality", "rna", "--lock", "l", "--index", "i", "--part", "1-of-1", "--output", str(tmp_path / "x")]
    assert main(["shard", *given]) == 2
    assert "--part: '1-of-1', expected none for rna, whose shard is of table" in capsys.readouterr().err
