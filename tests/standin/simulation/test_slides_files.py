"""The simulated GDC has slides: listed as the real one lists them, served with faults, and beside everything else."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.response import Handler, Request, Response, whole
from mgi_standin.archive.server import archive_service
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.cohort import simulate_cohort
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.slides import front_of, further_slide_of, histology_of, slide_of

SMALL = SimulationSettings(
    seed=5, n_patients=12, n_genes=800, slices_min=3, slices_max=3, pixels=16, genes_drive_images=True, slides=True
)


@pytest.fixture(scope="module")
def archive_of_slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    write_archive(SMALL, folder)
    return folder


@pytest.fixture(scope="module")
def slides(archive_of_slides: Path) -> list[dict[str, Any]]:
    hits = json.loads((archive_of_slides / "gdc/files.json").read_text())
    return [hit for hit in hits if hit["data_type"] == "Slide Image"]


def test_every_patient_has_a_first_diagnostic_slide_and_some_have_others(slides: list[dict[str, Any]]) -> None:
    labels = [hit["file_name"].split(".")[0][13:] for hit in slides]
    assert labels.count("01Z-00-DX1") == SMALL.n_patients
    assert {"01Z-00-DX2", "01A-01-TS1", "02Z-00-DX1"} <= set(labels)
    assert labels.count("01Z-00-DX2") < SMALL.n_patients
    for hit in slides:
        barcode = hit["file_name"].split(".")[0]
        (case,), (entity,) = hit["cases"], hit["associated_entities"]
        (slide,) = case["samples"][0]["portions"][0]["slides"]
        assert barcode == entity["entity_submitter_id"] == slide["submitter_id"]
        assert barcode.startswith(case["samples"][0]["submitter_id"])
        assert hit["experimental_strategy"] == ("Diagnostic Slide" if "-DX" in barcode else "Tissue Slide")
        assert (hit["access"], hit["data_format"]) == ("open", "SVS")


def test_all_else_is_as_without_slides(archive_of_slides: Path, tmp_path: Path) -> None:
    write_archive(replace(SMALL, slides=False), tmp_path / "none")
    for path in (tmp_path / "none").rglob("*"):
        name = path.relative_to(tmp_path / "none").as_posix()
        if path.is_file() and name not in ("archive.json", "gdc/files.json", "gdc/versions.json"):
            assert (archive_of_slides / name).read_bytes() == path.read_bytes(), name
    assert not (tmp_path / "none/slides.tsv").exists()
    hits = json.loads((tmp_path / "none/gdc/files.json").read_text())
    with_slides = json.loads((archive_of_slides / "gdc/files.json").read_text())
    assert [hit for hit in with_slides if hit["data_type"] != "Slide Image"] == hits


def test_the_table_tells_what_the_slides_show(archive_of_slides: Path) -> None:
    with (archive_of_slides / "slides.tsv").open(newline="") as table:
        told = {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}
    patients = simulate_cohort(SMALL)
    assert sorted(told) == [patient.patient_id for patient in patients]
    for patient in patients[:3]:
        row = told[patient.patient_id]
        assert row["subtype"] == patient.subtype
        assert row["front"] == front_of(slide_of(patient, SMALL), patient.factors)


def test_a_further_slide_shows_another_section_with_the_focus_on_the_same_side() -> None:
    patient = simulate_cohort(SMALL)[0]
    drawn = {side: further_slide_of(patient, SMALL, "01Z/DX2", side, 256) for side in (-1, 1)}
    assert {side: slide.side for side, slide in drawn.items()} == {-1: -1, 1: 1}
    first = slide_of(patient, SMALL, pixels=256)
    assert (drawn[first.side].pixels != first.pixels).any()


def test_the_null_cohorts_slides_follow_a_draw_of_their_own(tmp_path: Path) -> None:
    null = replace(SMALL, genes_drive_images=False, n_patients=12)
    write_archive(null, tmp_path)
    patients = {patient.patient_id: patient for patient in simulate_cohort(null)}
    with (tmp_path / "slides.tsv").open(newline="") as table:
        told = {row["patient_id"]: row["subtype"] for row in csv.DictReader(table, delimiter="\t")}
    assert told == {name: histology_of(patient, null).subtype for name, patient in patients.items()}
    assert told != {name: patient.subtype for name, patient in patients.items()}


def test_the_faults_of_the_archive_befall_slides(archive_of_slides: Path, slides: list[dict[str, Any]]) -> None:
    service, hit = archive_service(archive_of_slides), slides[0]

    def sent(answer: Handler, **headers: str) -> Response:
        return answer(Request(method="GET", path=f"/data/{hit['file_id']}", headers=headers))

    true = whole(sent(service))
    assert (len(true), hashlib.md5(true).hexdigest()) == (hit["file_size"], hit["md5sum"])
    for fault in ("wrong-bytes", "truncated"):
        faulty = with_faults(service, [Rule(path="^/data/", fault=fault, value=0.5, calls="first 1")])
        assert whole(sent(faulty)) != true
        assert whole(sent(faulty)) == true
    cut = sent(with_faults(service, [Rule(path="^/data/", fault="drop", value=0.5)]))
    assert cut.delivery.body_bytes == len(true) // 2
    part = sent(service, range="bytes=50-")
    assert (part.status, whole(part)) == (206, true[50:])
