"""From the archives to a table of Dice scores: the config, its check, the stages and their targets.

REQUIRED INPUTS: config/config.yaml, overlaid by any --configfile, and the files that its sources name.
OUTPUTS: report.html and summary.json in the results folder of the config.
"""

import json
import re
import sys
from functools import partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake.utils import min_version

min_version("9.20")

ROOT = Path(workflow.basedir)
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "src")]

from lib.code import fingerprint
from lib.config import ConfigError, check_checkout, complete, section
from lib.external import external_config, external_scores, split_of
from lib.failures import say_last
from lib.jobs import pretraining_gpus, shell_prefix, torchrun
from lib.modalities import asked_of_all, configured, fetching_code, of_format
from lib.modalities import described, what_they_are
from lib.prepared import prepared_folders, prepared_slices, stripped_slices
from lib.results_lock import HeldError, take
from lib.runs import LEAK_CHECKS, TABLES_OF_SCORES
from lib.runs import by_patient, by_slice, evaluated, sidecars
from lib.runs import (
    fold_genes,
    leak_report,
    model_settings,
    pretrained_weights,
    run_json,
)
from lib.supplied import archive_files, archive_folder, existing, gene_list, option
from lib.supplied import pathways

from mgi.core.files import sealed_json
from mgi.core.run import full_cohort_runs, prepared_table, run_table
from mgi.tasks.registry import plugin_of


configfile: ROOT / "config" / "config.yaml"


try:
    check_checkout(ROOT)
    config.update(complete(config))
    TASK_CODE = plugin_of(config["runs"]["task"])
except ConfigError as problem:
    raise WorkflowError(f"config: {problem}") from None

SOURCE = ROOT / "src"
RUNS = run_table(config["runs"])
EVALUATED, COMPARED, LEAKY = evaluated(RUNS), by_patient(RUNS), by_slice(RUNS)
PAPER_LIKE = ["<results>/evaluation/paper_like.csv"] if LEAKY else []
WHOLE = full_cohort_runs(config)
TRAINED = RUNS | WHOLE
ARCHIVE, ARCHIVE_FILES = archive_folder(config), archive_files(config)
MODALITIES = configured(config)
PREPARED = prepared_folders(config)
GENE_LIST, PATHWAYS = gene_list(config), pathways(config)
GTF_FOLDER = f"{config['results']}/raw/gencode"
TRAIN_ENV = f"../../envs/{config['compute']['environment']}.yaml"

settings = partial(section, config)
code_of = partial(fingerprint, SOURCE)
described_run = partial(run_json, TRAINED)
run_model = partial(model_settings, config, TRAINED)
run_genes = partial(fold_genes, TRAINED)
run_leaks = partial(leak_report, TRAINED, config["split"]["folds"])
run_start = partial(pretrained_weights, TRAINED)
fold_split = partial(split_of, config)

deployment = workflow.deployment_settings.deployment_method
in_conda = DeploymentMethod.CONDA in deployment
shell.prefix(shell_prefix(SOURCE, in_conda=in_conda, plugins=config["plugins"]))


pathvars:
    results=config["results"],
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    fold=r"\d+",
    modality="|".join(MODALITIES),
    batch=r"\d+-of-\d+",


onstart:
    try:
        take(Path(config["results"]))
    except (HeldError, OSError) as problem:
        raise WorkflowError(str(problem)) from None


onerror:
    say_last(workflow.scheduler.failed)


rule all:
    """The report and its numbers."""
    input:
        report="<results>/report.html",
        summary="<results>/summary.json",


rule external:
    """Target: every method on the archive that the config section `external` names."""
    input:
        results=lambda wildcards: external_scores(config),


include: "workflow/rules/simulate.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/shards.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


if config["external"] is not None:

    include: "workflow/rules/external.smk"
