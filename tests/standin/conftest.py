"""A tiny archive folder of literal rows, served once for all tests of this folder."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mgi_standin.archive.server import Service, serve

ALIQUOTS = [  # (file id, aliquot, sample type, access); more than ten, so that default paging bites
    ("f01", "TCGA-CS-4938-01B-11R-1896-07", "Primary Tumor", "open"),
    ("f02", "TCGA-CS-4941-01A-01R-1470-07", "Primary Tumor", "open"),
    ("f03", "TCGA-CS-4942-01A-01R-1470-07", "Primary Tumor", "open"),
    ("f04", "TCGA-DU-6407-01A-13R-1708-07", "Primary Tumor", "open"),
    ("f05", "TCGA-DU-6407-02A-12R-A36H-07", "Recurrent Tumor", "open"),
    ("f06", "TCGA-DU-6407-02B-11R-A36H-07", "Recurrent Tumor", "open"),
    ("f07", "TCGA-FG-5962-01B-11R-1896-07", "Primary Tumor", "open"),
    ("f08", "TCGA-HT-7473-01A-11R-2027-07", "Primary Tumor", "open"),
    ("f09", "TCGA-HT-7475-01A-11R-2027-07", "Primary Tumor", "open"),
    ("f10", "TCGA-HT-7602-01A-21R-2090-07", "Primary Tumor", "open"),
    ("f11", "TCGA-HT-7616-01A-11R-2256-07", "Primary Tumor", "open"),
    ("f12", "TCGA-HT-7680-01A-11R-2256-07", "Primary Tumor", "controlled"),
]
PUBLIC, RESTRICTED = "1.3.6.1.4.1.1", "1.3.6.1.4.1.9"
STAR = "rna_seq.augmented_star_gene_counts.tsv"
STORED_ORDER = ["00000003.dcm", "00000001.dcm", "00000002.dcm"]


def content_of(file_id: str) -> bytes:
    return f"# gene-model: GENCODE v36\n{file_id}\n".encode() * 3


def hit_of(file_id: str, aliquot: str, sample_type: str, access: str) -> dict[str, Any]:
    sample = {
        "sample_id": f"sample-{file_id}",
        "submitter_id": aliquot[:16],
        "sample_type": sample_type,
        "portions": [{"analytes": [{"aliquots": [{"submitter_id": aliquot, "aliquot_id": f"aliquot-{file_id}"}]}]}],
    }
    return {
        "id": file_id,
        "file_id": file_id,
        "file_name": f"{file_id}.{STAR}",
        "file_size": len(content_of(file_id)),
        "md5sum": hashlib.md5(content_of(file_id)).hexdigest(),
        "state": "released",
        "access": access,
        "version": "1",
        "data_release": "32.0 - 45.0",
        "data_category": "Transcriptome Profiling",
        "experimental_strategy": "RNA-Seq",
        "analysis": {"workflow_type": "STAR - Counts"},
        "cases": [
            {
                "case_id": f"case-{aliquot[:12]}",
                "submitter_id": aliquot[:12],
                "project": {"project_id": "TCGA-LGG"},
                "samples": [sample],
            }
        ],
    }


def version_of(file_id: str, latest_id: str, version: str, release: str) -> dict[str, Any]:
    return {
        "id": file_id,
        "version": version,
        "latest_id": latest_id,
        "file_name": f"{file_id}.{STAR if file_id == latest_id else 'FPKM.txt.gz'}",
        "md5sum": hashlib.md5(content_of(file_id)).hexdigest(),
        "file_size": len(content_of(file_id)),
        "state": "released",
        "release": release,
        "superseded": file_id != latest_id,
    }


ANNOTATION = {
    "annotation_id": "a1",
    "entity_type": "sample",
    "entity_id": "sample-f02",
    "entity_submitter_id": "TCGA-CS-4941-01A",
    "case_id": "case-TCGA-CS-4941",
    "case_submitter_id": "TCGA-CS-4941",
    "category": "Item flagged DNU",
    "classification": "CenterNotification",
    "status": "Approved",
    "notes": "not to be used",
    "project": {"project_id": "TCGA-LGG"},
}


def series_row(uid: str, access: str, **changes: Any) -> dict[str, Any]:
    row = {
        "SeriesInstanceUID": uid,
        "StudyInstanceUID": f"{uid}.0",
        "Modality": "MR",
        "ProtocolName": None,
        "SeriesDate": "2001-02-03",
        "SeriesDescription": 'AX "FLAIR", thin',
        "Collection": "TCGA-LGG" if access == "restricted" else "UPENN-GBM",
        "PatientID": "TCGA-CS-4941" if access == "restricted" else "UPENN-GBM-00001",
        "Manufacturer": "GE",
        "ImageCount": 3,
        "FileSize": 300,
        "MaxSubmissionTimestamp": "2020-06-07",
        "LicenseName": "CC BY 4.0",
        "StudyDate": "2001-02-03",
        "access": access,
    }
    return row | changes


def write_folder(folder: Path) -> Path:
    tables: dict[str, Any] = {
        "gdc/status.json": {
            "commit": "74e1",
            "data_release": "Data Release 45.0 - December 04, 2025",
            "status": "OK",
            "tag": "8.5.0",
            "version": 1,
        },
        "gdc/files.json": [hit_of(*aliquot) for aliquot in ALIQUOTS],
        "gdc/versions.json": [version_of("old2", "f02", "1", "12.0"), version_of("f02", "f02", "2", "32.0")],
        "gdc/annotations.json": [ANNOTATION],
        "nbia/series.json": [
            series_row(PUBLIC, "public"),
            series_row("1.3.6.1.4.1.2", "public", Modality="SEG", ImageCount=1, MaxSubmissionTimestamp="2021-01-01"),
            series_row(RESTRICTED, "restricted"),
        ],
        "nbia/patients.json": [
            {"PatientId": "UPENN-GBM-00001", "PatientName": None, "Collection": "UPENN-GBM", "Authorized": "1"},
            {"PatientId": "TCGA-CS-4941", "Collection": "TCGA-LGG", "Authorized": "0"},
        ],
        "nbia/studies.json": [
            {
                "StudyInstanceUID": f"{PUBLIC}.0",
                "StudyDate": "2001-02-03",
                "PatientID": "UPENN-GBM-00001",
                "Collection": "UPENN-GBM",
                "SeriesCount": 1,
            },
            {"StudyInstanceUID": f"{RESTRICTED}.0", "StudyDate": "2001-02-03", "PatientID": "TCGA-CS-4941"},
        ],
    }
    for uid, names in {PUBLIC: STORED_ORDER, "1.3.6.1.4.1.2": ["00000001.dcm"], RESTRICTED: ["00000001.dcm"]}.items():
        tables[f"nbia/instances/{uid}.json"] = [
            {
                "file": name,
                "SOPInstanceUID": f"{uid}.{int(name[:8])}",
                "md5": hashlib.md5(f"{uid}/{name}".encode()).hexdigest(),
            }
            for name in names
        ]
        for name in names:
            write_bytes(folder / "nbia" / "images" / uid / name, f"{uid}/{name}".encode())
    for file_id in ["old2", *(aliquot[0] for aliquot in ALIQUOTS)]:
        write_bytes(folder / "gdc" / "data" / file_id, content_of(file_id))
    for name, table in {**tables, "archive.json": {"simulated": True, "format": 1}}.items():
        write_bytes(folder / name, json.dumps(table).encode())
    return folder


def write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def archive_folder(tmp_path: Path) -> Path:
    """A folder of its own, free to be damaged."""
    return write_folder(tmp_path / "archive")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serve(write_folder(tmp_path_factory.mktemp("served"))) as running:
        yield running


Ask = Callable[..., requests.Response]


@pytest.fixture
def gdc(service: Service) -> Iterator[Ask]:
    """Call the GDC: gdc("GET", "/status", params=…)."""
    with requests.Session() as session:
        yield lambda method, path, **options: session.request(method, service.url + path, timeout=10, **options)


@pytest.fixture
def nbia(gdc: Ask) -> Ask:
    """GET an endpoint of NBIA v4: nbia("getSeries", Modality="MR")."""
    return lambda endpoint, **params: gdc("GET", f"/nbia-api/services/v4/{endpoint}", params=params)


@pytest.fixture
def nbia_v1(gdc: Ask) -> Ask:
    """GET an endpoint of NBIA v1."""
    return lambda endpoint, **params: gdc("GET", f"/nbia-api/services/v1/{endpoint}", params=params)
