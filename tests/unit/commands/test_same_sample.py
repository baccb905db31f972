"""One sample a patient across modalities: the lock prefers it, and the cohort says where there was no choice."""

import csv
import json
from pathlib import Path

import pytest

from mgi.cli import main
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

GDC = json.dumps({"source": "gdc", "retry_base_s": 0})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = SimulationSettings(
        seed=3,
        n_patients=60,
        n_genes=750,
        slices_min=5,
        slices_max=5,
        pixels=24,
        genes_drive_images=True,
        omics=("cn",),
    )
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    write_archive(settings, folder)
    return folder


def lock(archive: Path, name: str, target: Path, *more: str) -> list[dict[str, object]]:
    given = ["--modality", name, "--settings", GDC, "--archive", str(archive), "--output", str(target), *more]
    assert main(["lock", *given]) == 0
    items: list[dict[str, object]] = json.loads(target.read_text())["items"]
    return items


def test_a_lock_takes_the_sample_of_the_other_modality_and_the_cohort_tells_where_it_could_not(
    archive: Path, tmp_path: Path
) -> None:
    locks = {name: tmp_path / f"{name}.json" for name in ("rna", "cn")}
    expression = lock(archive, "rna", locks["rna"])
    alone = lock(archive, "cn", tmp_path / "alone.json")
    items = lock(archive, "cn", locks["cn"], "--same-sample-as", str(locks["rna"]))
    sample_of = {str(item["patient_id"]): str(item["sample"])[:16] for item in expression if item["chosen"]}
    reasons = {"primary tumour, the sample of rna": 0, "primary tumour, from another sample: 01B": 0}
    for item in items:
        if item["chosen"] and item["patient_id"] in sample_of:
            is_same = str(item["sample"])[:16] == sample_of[str(item["patient_id"])]
            assert ("the sample of rna" in str(item["reason"])) is is_same
            reasons[str(item["reason"]).removesuffix(", formalin-fixed (FFPE), no frozen profile")] += 1
    assert all(reasons.values())
    assert {item["reason"] for item in alone if item["chosen"]} >= {"primary tumour"}
    # Another sample is taken only where the patient has no copy number of that of expression.
    eligible = {str(item["sample"])[:16] for item in items if not str(item["reason"]).startswith(("annot", "recur"))}
    (odd,) = [item for item in items if "from another" in str(item["reason"])]
    assert sample_of[str(odd["patient_id"])] not in eligible

    for name in locks:
        index = tmp_path / f"raw/{name}/batch-1-of-1.json"
        fetch = ["--modality", name, "--lock", str(locks[name]), "--batch", "1-of-1", "--settings", GDC]
        assert main(["fetch", *fetch, "--archive", str(archive), "--output", str(index)]) == 0
    indexes = [str(tmp_path / f"raw/{name}/batch-1-of-1.json") for name in locks]
    outputs = ["--output", str(tmp_path / "cohort.parquet"), "--tsv", str(tmp_path / "cohort.tsv")]
    assert main(["cohort", "--lock", *map(str, locks.values()), "--index", *indexes, "--require", "rna", *outputs]) == 0
    with (tmp_path / "cohort.tsv").open(newline="") as table:
        rows = {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}
    told = [patient for patient, row in rows.items() if "cn from another sample: 01B" in row["notes"]]
    assert told == [odd["patient_id"]]
    assert rows[told[0]]["status"] == "kept"
