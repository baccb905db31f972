"""Scans of associations through the graph of jobs: where a config asks for them, and nothing where none does."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.analyses import analysis_files, analysis_options
from lib.association import embedded, scanned_code, scans
from lib.modalities import configured
from mgi.config.tree import checked
from mgi.core.errors import ConfigError
from mgi.core.run import run_table

GDC = {"source": "gdc", "retry_base_s": 0.0}
LESION = {"phenotypes": "lesion", "covariates": [], "permutations": 20}
BOTH = {"covariates": [], "subtype": ["grade"], "components": 2, "permutations": 20}


@pytest.fixture
def finished(toy: tuple[Path, str], tmp_path: Path) -> Path:
    """A finished toy run of one's own: other tests must find theirs without scans."""
    return Path(shutil.copytree(toy[0], tmp_path / "toy", symlinks=True))


@pytest.fixture
def asking(finished: Path, snakemake: Any) -> Callable[..., Any]:
    """Run the finished toy workflow with further sections."""

    def run(sections: dict[str, Any], *options: str) -> Any:
        overlay = finished / "asked.yaml"
        overlay.write_text(yaml.safe_dump(sections))
        return snakemake(finished, "--cores", "2", *options, "--configfile", "config/toy.yaml", str(overlay))

    return run


def test_scans_of_both_are_made_and_a_rerun_has_nothing_to_do(
    finished: Path, asking: Callable[..., Any], jobs_of: Callable[[str], dict[str, int]]
) -> None:
    sections = {"labels": GDC, "associate": BOTH}
    listed = jobs_of(asking(sections, "associations", "-n", "--quiet", "rules").stdout)
    assert listed == {
        "fetch_labels": 1, "labels": 1, "lesion_features": 1, "embed": 1, "embedding_components": 1, "associate": 4,
        "associations": 1,
    }  # fmt: skip
    done = asking(sections)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Nothing to be done" in asking(sections, "-n").stdout
    results = finished / "results/toy"
    hits = {path.parent.name: path.read_text().splitlines()[0] for path in sorted(results.glob("associate/*/hits.tsv"))}
    assert set(hits) == {"embedding", "embedding-subtype", "lesion", "lesion-subtype"}
    assert "chromosome" in hits["lesion"]
    assert "Associations" in (results / "report.html").read_text()
    assert (results / "figures/associate_lesion_manhattan.svg").is_file()


def test_a_setting_reruns_the_scans_alone(asking: Callable[..., Any], jobs_of: Callable[[str], dict[str, int]]) -> None:
    jobs = jobs_of(asking({"associate": LESION}, "-n", "--quiet", "rules").stdout)
    assert jobs == {"lesion_features": 1, "associate": 1, "record_config": 1, "report": 1}
    assert asking({"associate": LESION}).returncode == 0
    again = asking({"associate": {**LESION, "fdr": 0.1}}, "-n", "--quiet", "rules")
    assert jobs_of(again.stdout) == {"associate": 1, "record_config": 1, "report": 1}


def test_predicted_masks_are_measured_of_the_first_method(
    asking: Callable[..., Any], jobs_of: Callable[[str], dict[str, int]], finished: Path
) -> None:
    target = "results/toy/tables/lesion_features_predicted.parquet"
    assert jobs_of(asking({}, target, "-n", "--quiet", "rules").stdout) == {"lesion_features": 1}
    done = asking({}, target)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "predictions/mgi-fold0-seed0.parquet" in done.stdout
    assert (finished / target).is_file()


def config_of(**sections: Any) -> dict[str, Any]:
    return checked({"labels": GDC, "associate": {}, **sections})


def test_each_scan_reads_the_tables_of_its_covariates() -> None:
    config = config_of(associate={"subtype": ["grade"], "components": 2}, runs={"folds": [0, 1]})
    found = scans(config, run_table(config["runs"]))
    assert list(found) == ["lesion", "lesion-subtype", "embedding", "embedding-subtype"]
    assert found["lesion"].options == ["--covariate-columns", "age_years", "sex", "site"]
    assert [Path(table).name for table in found["lesion"].tables] == ["labels.parquet", "cohort.tsv"]
    last = found["embedding-subtype"]
    assert last.options == [
        "--phenotype-columns", "component_1", "component_2",
        "--covariate-columns", "age_years", "sex", "site", "grade", "fold", "--categorical", "fold",
    ]  # fmt: skip
    assert last.tables[-1] == last.phenotypes


def test_each_modality_has_a_scan_and_that_of_expression_has_no_name_of_its_own() -> None:
    modalities = {"cn": {}, "mirna": {}}
    asked = {"phenotypes": "lesion", "modalities": ["mirna", "cn", "rna"], "subtype": ["grade"], "covariates": []}
    config = config_of(associate=asked, modalities=modalities)
    found = scans(config, run_table(config["runs"]))
    assert list(found) == [
        "lesion", "lesion-subtype", "lesion-cn", "lesion-cn-subtype", "lesion-mirna", "lesion-mirna-subtype"
    ]  # fmt: skip
    assert found["lesion-mirna"].options == ["--modality", "mirna"]
    assert found["lesion"].options == []
    known = configured(config)
    assert scanned_code(known, found["lesion"]) == []
    assert scanned_code(known, found["lesion-cn"])[-1] == "mgi.modalities.cn.fitting"


def test_one_fold_is_no_covariate_and_no_covariate_no_option() -> None:
    config = config_of(associate={"covariates": [], "phenotypes": "embedding", "components": 1}, runs={"folds": [3]})
    (scan,) = scans(config, run_table(config["runs"])).values()
    assert scan.options == ["--phenotype-columns", "component_1"]
    assert scan.tables == []


def test_vectors_are_of_the_first_seed_without_a_control() -> None:
    runs = {"methods": ["unet", "mgi"], "folds": [0, 2], "seeds": [1, 0], "controls": ["random-id"]}
    assert embedded(run_table(runs)) == ["pretrain-fold0-seed1", "pretrain-fold2-seed1"]


def test_the_report_is_given_the_folder_of_all_scans() -> None:
    files = [path for path in analysis_files(config_of()) if "/associate/" in path]
    assert len(files) == 2 * 7
    options = analysis_options(path.replace("<results>", "results/x") for path in files)
    assert options == ["--associate", "results/x/associate"]
    assert not [path for path in analysis_files(checked({})) if "/associate/" in path]


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"labels": {}}, 'associate.covariates: found "age", expected site, which the section labels gives'),
        ({"associate": {"subtype": ["idh"]}}, 'associate.subtype: found "idh", expected grade'),
        ({"runs": {"methods": ["unet"]}}, 'associate.phenotypes: found "both", expected lesion, or mgi among'),
        ({"associate": {"modalities": ["cn"]}}, 'associate.modalities: found "cn", expected of rna, which are'),
        ({"associate": {"modalities": ["flair"]}}, 'associate.modalities: found "flair", expected of rna'),
        ({"associate": {"modalities": []}}, "associate.modalities"),
        ({"associate": {"fdr": 1.0}}, "associate.fdr"),
        ({"associate": {"covariates": ["height"]}}, "associate.covariates"),
    ],
)
def test_what_no_section_makes_is_refused_before_any_job(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config_of(**sections)
    assert said in str(refused.value)
