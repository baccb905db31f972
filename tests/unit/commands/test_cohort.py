import json
from pathlib import Path
from typing import Any

import pytest

from mgi.cohort.tables import read_cohort
from mgi.commands import cohort
from mgi.core.errors import BadInputError

A, B = "TCGA-DU-0001", "TCGA-CS-0002"


def gene(patient: str) -> dict[str, Any]:
    aliquot = f"{patient}-01A-11R-A001-07"
    return {
        "patient_id": patient, "sample": aliquot[:16], "aliquot": aliquot, "key": f"file-{patient}", "size": 1,
        "file_name": "x.tsv", "md5": "0" * 32, "chosen": True, "reason": "primary tumour",
    }  # fmt: skip


def series(patient: str, role: str, key: str) -> dict[str, Any]:
    return {
        "patient_id": patient, "study_uid": "1.2", "study_date": "2001-02-03", "key": key, "modality": "MR",
        "description": "AX FLAIR", "n_images": 20, "size": 1, "role": role, "score": 1.0, "chosen": True, "reason": "",
    }  # fmt: skip


def fetched(item: dict[str, Any], role: str) -> dict[str, Any]:
    return {
        "patient_id": item["patient_id"], "key": item["key"], "role": role, "path": f"{item['key']}.zip", "size": 1,
        "md5": None, "sha256": "0" * 64, "n_images": item.get("n_images"),
    }  # fmt: skip


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    genes = [gene(A), gene(B)]
    images = [series(A, "flair", "1.2.3"), series(A, "mask", "1.2.4"), series(B, "flair", "1.2.5")]
    locks = {
        "e": {"kind": "expression", "format": 1, "source": "gdc", "release": "45", "simulated": False,
              "gene_model": None, "table": None, "items": genes},
        "i": {"kind": "images", "format": 1, "source": "tcia", "collection": "X", "simulated": False, "table": None,
              "items": images},
    }  # fmt: skip
    for name, lock in locks.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(lock))
    indexes = {
        "e1": ("expression", [fetched(genes[0], "expression")]),
        "e2": ("expression", [fetched(genes[1], "expression")]),
        "i1": ("images", [fetched(item, item["role"]) for item in images]),
    }
    for name, (kind, items) in indexes.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"kind": kind, "source": "gdc", "items": items}))
    path = {name: str(tmp_path / f"{name}.json") for name in ("e", "i", "e1", "e2", "i1")}
    return [
        "--expression-lock", path["e"], "--image-lock", path["i"], "--expression-index", path["e1"], path["e2"],
        "--image-index", path["i1"], "--output", str(tmp_path / "c.parquet"), "--tsv", str(tmp_path / "c.tsv"),
    ]  # fmt: skip


def test_the_cohort_is_written_with_its_reasons(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort.run(cohort.parser().parse_args(arguments))
    table = read_cohort(tmp_path / "c.parquet")
    assert dict(zip(table["patient_id"], table["status"], strict=True)) == {B: "dropped", A: "kept"}
    assert table["reason"].iloc[0] == "no mask"
    assert table["n_slices"].tolist() == [20, 20]
    assert "    1  kept\n    1  no mask\n" in capsys.readouterr().out


def test_the_same_inputs_give_the_same_bytes(arguments: list[str], tmp_path: Path) -> None:
    args = cohort.parser().parse_args(arguments)
    cohort.run(args)
    first = (tmp_path / "c.parquet").read_bytes(), (tmp_path / "c.tsv").read_bytes()
    cohort.run(args)
    assert first == ((tmp_path / "c.parquet").read_bytes(), (tmp_path / "c.tsv").read_bytes())


def test_a_cohort_without_a_kept_patient_is_an_error_that_leaves_the_reasons(
    arguments: list[str], tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="none of 2 patients"):
        cohort.run(cohort.parser().parse_args([*arguments, "--exclude", A]))
    assert "excluded by the configuration" in (tmp_path / "c.tsv").read_text()


def test_what_is_no_lock_is_named(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("[]")
    with pytest.raises(BadInputError, match=r"e\.json: found list, expected a lock"):
        cohort.run(cohort.parser().parse_args(arguments))
