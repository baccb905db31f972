import json
import logging
import re
import shutil
from collections import defaultdict

import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, ConfigError, IntegrityError, NetworkError
from resealed import reseal

GDC = '{"source": "gdc", "retry_base_s": 0}'


def lock(simulated_archive, target, settings=GDC, *more):
    archive = ["--archive", str(simulated_archive)] if simulated_archive else []
    return main(["lock", "--modality", "rna", "--settings", settings, "--output", str(target), *archive, *more])


def test_a_simulated_project_is_locked_twice_to_the_same_bytes(simulated_archive, tmp_path, capsys):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    assert lock(simulated_archive, tmp_path / "b.json") == 0
    text = (tmp_path / "a.json").read_text()
    assert text == (tmp_path / "b.json").read_text()
    assert "127.0.0.1" not in text
    assert str(simulated_archive) not in text
    found = json.loads(text)
    assert (found["modality"], found["source"], found["simulated"], found["table"]) == ("rna", "gdc", True, None)
    chosen = [item["patient_id"] for item in found["items"] if item["chosen"]]
    assert len(chosen) == len(set(chosen)) >= 10
    assert all(item["sample"][13:15] == "01" for item in found["items"] if item["chosen"])
    assert {item["reason"] for item in found["items"]} >= {"primary tumour", "recurrent sample"}
    assert "chosen, release Data Release" in capsys.readouterr().out


def test_a_committed_lock_is_followed_without_asking_any_service(simulated_archive, tmp_path):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    settings = json.dumps({"source": "gdc", "lock": str(tmp_path / "a.json"), "base_url": "http://127.0.0.1:9"})
    assert lock(None, tmp_path / "b.json", settings) == 0
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_a_committed_lock_is_followed_without_a_search_although_the_archive_has_a_newer_release(
    simulated_archive, tmp_path, asked
):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    committed = json.loads((tmp_path / "a.json").read_text())
    assert {"/files", "/annotations", "/status"} <= {path.split("?")[0] for path in asked}
    committed["release"] = "Data Release 44.0"
    reseal(tmp_path / "a.json", committed)
    asked.clear()
    settings = json.dumps({"lock": str(tmp_path / "a.json"), "expected_files": [500, 560]})
    assert lock(simulated_archive, tmp_path / "b.json", settings) == 0
    assert asked == []
    options = ["--settings", settings, "--archive", str(simulated_archive), "--lock", str(tmp_path / "b.json")]
    assert (
        main(["fetch", "--modality", "rna", *options, "--batch", "1-of-1", "--output", str(tmp_path / "raw/b.json")])
        == 0
    )
    assert len(asked) == sum(item["chosen"] for item in committed["items"])
    assert all(path.startswith("/data/") for path in asked)


def test_a_lock_states_the_version_and_first_release_of_every_file(simulated_archive, tmp_path):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    items = json.loads((tmp_path / "a.json").read_text())["items"]
    assert {item["metadata"]["version"] for item in items} == {"1", "2"}
    assert {item["metadata"]["first_release"] for item in items} == {"32.0"}


def test_a_formalin_fixed_file_is_chosen_alone_only_and_the_lock_says_so(simulated_archive, tmp_path, capsys):
    archive = shutil.copytree(simulated_archive, tmp_path / "archive")
    hits = json.loads((archive / "gdc/files.json").read_text())
    primary = defaultdict(list)
    for hit in hits:
        sample = hit["cases"][0]["samples"][0]
        if hit["access"] == "open" and hit["data_type"] == "Gene Expression Quantification":
            primary[sample["submitter_id"]].append((barcode_of(hit), sample))
    twice = next(sorted(both, key=lambda one: one[0]) for both in primary.values() if len(both) == 2)
    (lower, _), (higher, sample) = twice
    sample["preservation_method"] = "FFPE"
    (archive / "gdc/files.json").write_text(json.dumps(hits))
    assert lock(archive, tmp_path / "a.json") == 0
    found = {item["sample"]: item for item in json.loads((tmp_path / "a.json").read_text())["items"]}
    assert (found[lower]["chosen"], found[higher]["chosen"]) == (True, False)
    assert found[higher]["reason"] == f"other aliquot preferred: {lower} (frozen before formalin-fixed (FFPE))"
    assert found[higher]["metadata"]["preservation"] == "FFPE"
    alone = [item for item in found.values() if item["chosen"] and "preservation" in item["metadata"]]
    assert {item["reason"] for item in alone} == {"primary tumour, formalin-fixed (FFPE), no frozen profile"}
    assert "1 patients with a formalin-fixed profile passed over" in capsys.readouterr().out


def barcode_of(hit):
    (portion,) = hit["cases"][0]["samples"][0]["portions"]
    return portion["analytes"][0]["aliquots"][0]["submitter_id"]


def test_a_number_of_files_that_nobody_expects_stops_the_run(simulated_archive, tmp_path, capsys):
    settings = '{"expected_files": [500, 560], "retry_base_s": 0}'
    assert lock(simulated_archive, tmp_path / "a.json", settings) == IntegrityError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"modalities\.rna\.expected_files .*500 to 560", line)
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_and_real_locks_do_not_serve_for_each_other(simulated_archive, tmp_path, capsys, simulated):
    assert lock(simulated_archive, tmp_path / "a.json") == 0
    committed = json.loads((tmp_path / "a.json").read_text())
    reseal(tmp_path / "a.json", {**committed, "simulated": simulated})
    settings = json.dumps({"lock": str(tmp_path / "a.json")})
    codes = [lock(archive, tmp_path / "b.json", settings) for archive in (simulated_archive, None)]
    assert codes == ([0, ConfigError.exit_code] if simulated else [ConfigError.exit_code, 0])
    assert "rna lock: " in capsys.readouterr().err


def test_a_lock_of_a_table_is_compared_with_the_table_at_once(tmp_path, capsys):
    table = tmp_path / "mine.csv"
    table.write_text("id,TP53\nTCGA-CS-4941-01A,1.5\nTCGA-HT-7473,3\n")
    assert lock(None, tmp_path / "a.json", '{"source": "matrix"}', "--table", str(table)) == 0
    settings = json.dumps({"source": "matrix", "lock": str(tmp_path / "a.json")})
    assert lock(None, tmp_path / "b.json", settings, "--table", str(table)) == 0
    table.write_text("id,TP53\nTCGA-CS-4941-01A,1.5\nTCGA-HT-7473,4\n")
    assert lock(None, tmp_path / "c.json", settings, "--table", str(table)) == IntegrityError.exit_code
    assert "mine.csv: " in capsys.readouterr().err


def test_a_users_table_is_locked_by_its_labels(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    table = tmp_path / "mine.csv"
    table.write_text("id,TP53\nTCGA-CS-4941-01A,1.5\nTCGA-CS-4941-02A,2.5\nTCGA-HT-7473,3\n")
    assert lock(None, tmp_path / "a.json", '{"source": "matrix"}', "--table", str(table)) == 0
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["table"]["name"] == "mine.csv"
    assert [(item["key"], item["chosen"]) for item in found["items"]] == [
        ("TCGA-CS-4941-01A", True),
        ("TCGA-CS-4941-02A", False),
        ("TCGA-HT-7473", True),
    ]
    assert "read as samples x genes, 3 samples, 1 genes" in caplog.text


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ('{"source": "gdc", "project": "tcga-lgg"}', BadInputError.exit_code, "'tcga-lgg'"),
        ('{"sourse": "gdc"}', ConfigError.exit_code, "modalities.rna.sourse: "),
        ('{"source": "matrix"}', ConfigError.exit_code, "modalities.rna.table: "),
    ],
)
def test_what_cannot_be_locked_is_one_line_and_no_file(simulated_archive, tmp_path, capsys, settings, code, said):
    assert lock(simulated_archive, tmp_path / "a.json", settings) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mgi lock: ")
    assert said in line
    assert not (tmp_path / "a.json").exists()


def test_an_unreachable_service_is_one_line(tmp_path, capsys):
    settings = '{"source": "gdc", "base_url": "http://127.0.0.1:9", "retry_base_s": 0}'
    assert lock(None, tmp_path / "a.json", settings) == NetworkError.exit_code
    assert "(refused) (6 " in capsys.readouterr().err
