"""The files of a whole archive: what they say of each patient agrees with the table of what is true."""

import gzip
import hashlib
import io
import json
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.cohort import simulate_cohort
from mgi_standin.simulation.omics.listing import ROWS
from mgi_standin.simulation.settings import OMICS

PROTEIN = (
    "Missense_Mutation|Nonsense_Mutation|Frame_Shift_Del|Frame_Shift_Ins|Splice_Site|In_Frame_Del|In_Frame_Ins|"
    "Translation_Start_Site|Nonstop_Mutation"
)


def hits_of(hits, modality):
    row = ROWS[modality]
    return [
        hit for hit in hits if (hit["data_type"], hit["analysis"]["workflow_type"]) == (row.data_type, row.workflow)
    ]


def patient_of(hit):
    return hit["cases"][0]["submitter_id"]


def is_primary(hit):
    return any(entity["entity_submitter_id"][13:15] == "01" for entity in hit["associated_entities"])


def read(archive, hit, **options):
    return pd.read_csv(io.BytesIO((archive / "gdc" / "data" / hit["id"]).read_bytes()), sep="\t", **options)


def read_maf(archive, hit):
    return read(archive, hit, comment="#", compression="gzip")


def test_every_file_is_there_with_its_size_and_md5_and_no_id_twice(omics_archive, hits):
    versions = {row["id"]: row for row in json.loads((omics_archive / "gdc" / "versions.json").read_text())}
    assert len({hit["id"] for hit in hits}) == len(hits)
    for hit in hits:
        content = (omics_archive / "gdc" / "data" / hit["id"]).read_bytes()
        assert (len(content), hashlib.md5(content).hexdigest()) == (hit["file_size"], hit["md5sum"])
        assert versions[hit["id"]]["md5sum"] == hit["md5sum"]


def test_the_truth_holds_all_patients_with_the_classes_of_their_subtype(omics_settings, truth):
    cohort = {patient.patient_id: patient.subtype for patient in simulate_cohort(omics_settings)}
    assert truth["subtype"].to_dict() == cohort
    assert (truth["idh"] == (truth["subtype"] != "IDHwt")).all()
    assert (truth["codel"] == (truth["subtype"] == "IDHmut-codel")).all()
    assert (truth["gain7loss10"] == (truth["subtype"] == "IDHwt")).all()
    assert set(truth["ploidy"]) == {2, 4}
    assert truth.index.is_monotonic_increasing


@pytest.mark.parametrize("modality", OMICS)
def test_the_truth_tells_whose_primary_tumour_has_a_file_that_is_not_withdrawn(hits, truth, modality, omics_archive):
    notes = json.loads((omics_archive / "gdc" / "annotations.json").read_text())
    withdrawn = {note["entity_submitter_id"] for note in notes if note["classification"] == "Redaction"}
    usable = {
        patient_of(hit)
        for hit in hits_of(hits, modality)
        if is_primary(hit)
        and not any(
            entity["entity_submitter_id"].startswith(name)
            for name in withdrawn
            for entity in hit["associated_entities"]
        )
    }
    assert set(truth.index[truth[modality] == 1]) == usable
    assert usable


def test_the_shares_that_are_to_lack_a_kind_of_data_lack_it(hits, omics_settings):
    for modality, share in {"cn": 0.1, "rppa": 0.25, "mutation": 0.0}.items():
        having = {patient_of(hit) for hit in hits_of(hits, modality)}
        assert len(having) == omics_settings.n_patients - round(share * omics_settings.n_patients)


def test_copy_number_tells_what_is_true(omics_archive, hits, truth):
    genes = pd.read_csv(omics_archive / "genes.tsv", sep="\t")
    centres = genes.groupby("chromosome")["start"].max() / 2
    for hit in hits_of(hits, "cn"):
        table = read(omics_archive, hit)
        usual = table["copy_number"].mode()[0]
        arm = table["chromosome"].str[3:] + np.where(table["start"] <= table["chromosome"].map(centres), "p", "q")
        low = (table["copy_number"] < usual)[table["copy_number"].notna()].groupby(arm).mean()
        high = (table["copy_number"] > usual)[table["copy_number"].notna()].groupby(table["chromosome"]).mean()
        told = truth.loc[patient_of(hit)]
        assert usual == told["ploidy"]
        assert (low["1p"] >= 0.8 and low["19q"] >= 0.8) == told["codel"]
        assert (high["chr7"] >= 0.8 and low[["10p", "10q"]].min() >= 0.8) == told["gain7loss10"]


def test_mutations_tell_what_is_true_and_some_files_have_no_row(omics_archive, hits, truth):
    rows = []
    for hit in hits_of(hits, "mutation"):
        table = read_maf(omics_archive, hit)
        rows.append(len(table))
        changed = table[table["Variant_Classification"].astype(str).str.fullmatch(PROTEIN)]
        symbols = set(changed["Hugo_Symbol"])
        told = truth.loc[patient_of(hit)]
        assert bool(symbols & {"IDH1", "IDH2"}) == told["idh"]
        assert ("ATRX" in symbols, "TP53" in symbols) == (told["atrx"], told["tp53"])
        tumour = next(e for e in hit["associated_entities"] if e["entity_submitter_id"][13] == "0")
        assert set(table["Tumor_Sample_Barcode"]) <= {tumour["entity_submitter_id"]}
        text = gzip.decompress((omics_archive / "gdc" / "data" / hit["id"]).read_bytes()).decode()
        assert f"#tumor.aliquot {tumour['entity_id']}\n" in text
    assert 0 in rows
    assert max(rows) > 100


def test_two_aliquots_of_a_sample_are_one_tumour_measured_twice(omics_archive, hits):
    by_sample = defaultdict(list)
    for hit in hits_of(hits, "methylation"):
        by_sample[hit["cases"][0]["samples"][0]["submitter_id"]].append(hit)
    ((first, second),) = (found for found in by_sample.values() if len(found) == 2)
    one, two = (read(omics_archive, hit, header=None, names=["probe", "beta"])["beta"] for hit in (first, second))
    assert first["md5sum"] != second["md5sum"]
    assert np.nanmax(np.abs(one - two)) < 0.1
    other = read(omics_archive, hits_of(hits, "methylation")[-1], header=None, names=["probe", "beta"])["beta"]
    assert np.nanmax(np.abs(one - other)) > 0.3


def test_an_older_panel_has_fewer_antibodies(omics_archive, hits):
    counts = Counter(len(read(omics_archive, hit)) for hit in hits_of(hits, "rppa"))
    assert set(counts) == {110, 190}
    assert counts[190] > counts[110]


def test_betas_have_no_header_and_one_list_of_probes(omics_archive, hits):
    probes = {
        tuple(read(omics_archive, hit, header=None, names=["probe", "beta"])["probe"])
        for hit in hits_of(hits, "methylation")
    }
    assert len(probes) == 1
    assert len(next(iter(probes))) == 3000


def test_the_same_settings_give_the_same_bytes_and_an_archive_without_has_no_table(omics_settings, tmp_path):
    few = replace(omics_settings, n_patients=5, missing={})
    digests = []
    for name in ("one", "two"):
        write_archive(few, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]
    write_archive(replace(few, omics=()), tmp_path / "one")
    assert not (tmp_path / "one" / "oracles.tsv").exists()
    described = json.loads((tmp_path / "one" / "archive.json").read_text())
    assert not {"omics", "missing"} & set(described)


def test_more_kinds_of_data_and_who_lacks_one_change_no_other_file(omics_settings, tmp_path):
    few = replace(omics_settings, n_patients=6, omics=("cn",), missing={"cn": 0.5})
    archives = {
        "none": replace(few, omics=(), missing={}),
        "half": few,
        "all": replace(few, omics=("cn", "rppa"), missing={}),
    }
    files = {}
    for name, settings in archives.items():
        write_archive(settings, tmp_path / name)
        paths = [path for path in (tmp_path / name).rglob("*") if path.parent.name in {"data", "instances"}]
        files[name] = {path.name: path.read_bytes() for path in paths}
        files[name]["labels"] = (tmp_path / name / "labels.tsv").read_bytes()
    assert files["none"].items() < files["half"].items() < files["all"].items()


def test_molecules_follow_the_genes_where_genes_do_not_drive_images(omics_settings):
    for drive in (True, False):
        cohort = simulate_cohort(replace(omics_settings, n_patients=6, genes_drive_images=drive))
        assert all((patient.expressed == patient.factors) == drive for patient in cohort)
