import hashlib
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi_standin.simulation.genes import ANNOTATION_ID


@pytest.fixture(scope="module")
def listings(archive: Path) -> dict[str, list[dict]]:
    names = ("files", "versions", "annotations")
    return {name: json.loads((archive / "gdc" / f"{name}.json").read_text()) for name in names}


@pytest.fixture(scope="module")
def star_hits(listings) -> dict[str, list[dict]]:
    """Sample (16 characters) -> its STAR - Counts hits."""
    hits = defaultdict(list)
    for hit in listings["files"]:
        if hit["analysis"]["workflow_type"] == "STAR - Counts":
            hits[hit["cases"][0]["samples"][0]["submitter_id"]].append(hit)
    return hits


def read_tpm(archive: Path, hit: dict) -> np.ndarray:
    table = pd.read_csv(archive / "gdc" / "data" / hit["id"], sep="\t", comment="#")
    return np.log2(table["tpm_unstranded"].iloc[4:].to_numpy() + 1)


def is_fixed(hit: dict) -> bool:
    return hit["cases"][0]["samples"][0]["preservation_method"] == "FFPE"


def test_every_listed_file_is_there_with_its_size_and_md5(archive, listings):
    assert len(listings["files"]) > 10  # more than one page of the service's default size
    for row in listings["versions"]:
        content = (archive / "gdc" / "data" / row["id"]).read_bytes()
        assert (len(content), hashlib.md5(content).hexdigest()) == (row["file_size"], row["md5sum"])
    stored = {path.name for path in (archive / "gdc" / "data").iterdir()}
    assert stored == {row["id"] for row in listings["versions"]}


def test_every_hit_is_the_latest_version_of_itself(listings):
    latest = {row["id"]: row for row in listings["versions"] if not row["superseded"]}
    assert latest.keys() == {hit["id"] for hit in listings["files"]} | {ANNOTATION_ID}
    assert all(latest[hit["id"]]["md5sum"] == hit["md5sum"] for hit in listings["files"])
    assert all(latest[hit["id"]]["version"] == hit["version"] for hit in listings["files"])


def test_a_superseded_file_has_other_bytes_than_its_successor(listings):
    by_id = {row["id"]: row for row in listings["versions"]}
    superseded = [row for row in listings["versions"] if row["superseded"]]
    assert superseded
    for row in superseded:
        successor = by_id[row["latest_id"]]
        assert (successor["version"], successor["superseded"]) == ("2", False)
        assert successor["md5sum"] != row["md5sum"]


def test_a_recurrence_has_another_profile_than_its_primary_and_02b_the_profile_of_02a(archive, star_hits):
    distances = {"recurrence": [], "same tumour": []}
    for sample, hits in star_hits.items():
        if sample.endswith("-02A") and f"{sample[:-3]}01A" in star_hits:
            recurrent = read_tpm(archive, hits[0])
            primary = read_tpm(archive, star_hits[f"{sample[:-3]}01A"][0])
            distances["recurrence"].append(np.abs(recurrent - primary).mean())
            for other in star_hits.get(f"{sample[:-1]}B", []):
                distances["same tumour"].append(np.abs(recurrent - read_tpm(archive, other)).mean())
    assert len(distances["recurrence"]) >= 2
    assert distances["same tumour"]
    assert min(distances["recurrence"]) > 1.2 * max(distances["same tumour"])


def test_the_special_samples_exist(star_hits, listings):
    suffixes = defaultdict(set)
    for sample in star_hits:
        suffixes[sample[:12]].add(sample[13:])
    assert {"01A", "02A", "02B"} in suffixes.values()
    assert {"01B"} in suffixes.values()
    fixed = [hit["cases"][0]["submitter_id"] for hits in star_hits.values() for hit in hits if is_fixed(hit)]
    assert {frozenset(suffixes[patient]) for patient in fixed} >= {frozenset({"01B"})}
    assert {"02A"} in suffixes.values()
    assert max(len(hits) for hits in star_hits.values()) == 2
    assert [hit["access"] for hit in listings["files"]].count("controlled") == 1
    assert any(hit["analysis"]["workflow_type"] != "STAR - Counts" for hit in listings["files"])


def test_annotated_entities_are_those_that_hits_name(listings):
    named = {note["annotation_id"] for hit in listings["files"] for note in hit.get("annotations", [])}
    assert named == {row["annotation_id"] for row in listings["annotations"]}
    assert {row["classification"] for row in listings["annotations"]} >= {"Redaction", "CenterNotification"}


def test_all_files_have_the_genes_of_the_published_table(archive, star_hits):
    genes = pd.read_csv(archive / "genes.tsv", sep="\t")
    for hits in list(star_hits.values())[:3]:
        table = pd.read_csv(archive / "gdc" / "data" / hits[0]["id"], sep="\t", comment="#").iloc[4:]
        assert table["gene_id"].tolist() == genes["gene_id"].tolist()
        rate = table["unstranded"].to_numpy() / genes["length"].to_numpy()
        np.testing.assert_allclose(table["tpm_unstranded"], rate / rate.sum() * 1e6, atol=6e-5)
