"""The options of commands that do one run: given one by one by the workflow, or found in a results folder by hand."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import read_json
from mgi.core.run import (
    LABELS_FILE,
    Run,
    full_cohort_runs,
    gene_sets_file,
    images_of,
    leaks_file,
    prepared_table,
    run_table,
    split_file,
)
from mgi.core.run_sections import (
    finetune_section,
    further_modalities,
    model_section,
    pretrain_section,
    reads_covariates,
)
from mgi.core.section import as_mapping, read_record
from mgi.explain.runs import ATTRIBUTIONS_FILE, permuted_runs


def add_run(options: argparse.ArgumentParser) -> None:
    """Options that say which run is to be done, and on what; without --results all of them are needed."""
    options.add_argument("--results", type=Path, help="results folder; what no other option names is taken from it")
    options.add_argument("--run", metavar="KEY", help="with --results: the run's key, such as mgi-fold0-seed0")
    options.add_argument("--run-json", help="the run as JSON, as the workflow gives it")
    options.add_argument("--settings", help="the command's config section as JSON")
    options.add_argument("--image-shard", type=Path, help="dataset.json of the image shard: slices or slides")
    options.add_argument("--slide-shard", type=Path, help="dataset.json of slides that are read beside these slices")
    options.add_argument("--prepared", type=Path, help="table of its slices at the network's size (prepare-slices)")
    options.add_argument("--expression-shard", type=Path, help="dataset.json of the expression shard")
    options.add_argument("--fold-genes", type=Path, help="the fold's gene list and scaler")
    options.add_argument("--split", type=Path, help="table with the fold's roles")
    add_device(options)


def add_modalities(options: argparse.ArgumentParser, *, covariates: bool = True) -> None:
    """The options of a network that reads further modalities than expression; of `covariates` only in pre-training."""
    options.add_argument(
        "--modality-shard", nargs="+", metavar="NAME=PATH", help="dataset.json of each further modality"
    )
    options.add_argument(
        "--modality-fit", nargs="+", metavar="NAME=PATH", help="what the fold fitted of each (fit-features)"
    )
    if covariates:
        options.add_argument("--covariates", type=Path, help="labels of the cohort, for the modality covariates")


def add_labels(options: argparse.ArgumentParser) -> None:
    """The options of a task that is learned from labels."""
    options.add_argument("--labels", type=Path, help="labels of the cohort, for a task of labels")
    options.add_argument("--task-settings", help="the task's own config section as JSON, for a task of labels")


def add_training(options: argparse.ArgumentParser) -> None:
    """Options of a network that is to be trained."""
    options.add_argument("--model", help="the config section `model` as JSON")
    options.add_argument("--weights", type=Path, help="weights of the run")
    options.add_argument("--prepared-stripped", type=Path, help="the same of copies without scalp, if such are drawn")
    options.add_argument("--pathways", type=Path, help="gene sets (.gmt), for gene_tokens pathway")
    options.add_argument("--leaks", type=Path, help="what check-leaks found in the split (JSON)")
    options.add_argument("--curves", type=Path, help="curve of the training (JSON lines)")
    options.add_argument("--record", type=Path, help="record of the run (JSON)")


def add_runs(options: argparse.ArgumentParser, several: str) -> None:
    """The option that says for which runs a path with `{run}` stands, in the options named by `several`."""
    options.add_argument("--runs", help=f"config section 'runs' as JSON: each run in place of {{run}} in {several}")


def of_each_run(
    paths: Sequence[Path], runs: str | None, chosen: Callable[[Mapping[str, Run]], Iterable[str]]
) -> list[Path]:
    """The paths; one with `{run}` becomes one for each run of the section `runs` that is `chosen`.

    Raises ConfigError where there is such a path and no section.
    """
    several = [path for path in paths if "{run}" in str(path)]
    if not several:
        return list(paths)
    if runs is None:
        raise ConfigError(f"{several[0]}: found {{run}}, expected --runs to say which")
    keys = list(chosen(run_table(as_mapping(runs, "--runs"))))
    named = [path for path in paths if path not in several]
    return [*named, *(Path(str(path).replace("{run}", key)) for path in several for key in keys)]


def add_device(options: argparse.ArgumentParser) -> None:
    """Options that say where to compute."""
    options.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto",
        help="auto: the first GPU, or the CPU where there is none (default); cuda: an error where there is none",
    )  # fmt: skip
    options.add_argument("--gpus", type=int, metavar="N", help="what the workflow gives: 0 is cpu, 1 or more is cuda")
    options.add_argument("--deterministic", action="store_true", help="no operation whose last digits vary on a GPU")


def complete(args: argparse.Namespace, section: str, *, of_pretraining: bool = False) -> Run:
    """Fill in from the results folder what no option named; the run that is to be done, or read `of_pretraining`.

    Raises ConfigError naming the option that is missing, or the known keys where the run's is not among them.
    """
    if args.results is not None or args.run is not None:
        if args.results is None or args.run is None:
            raise ConfigError("--results and --run: expected both, the folder and a run's key")
        for name, value in _in_results(args.results, args.run, section).items():
            if vars(args).get(name, value) is None:
                setattr(args, name, value)
    optional = {"results", "run", "pathways", "pretrained", "prepared", "prepared_stripped", "leaks", "gpus"}
    optional |= {"labels", "task_settings", "modality_shard", "modality_fit", "covariates", "slide_shard"}
    if missing := [name for name, value in vars(args).items() if value is None and name not in optional]:
        raise ConfigError(f"--{missing[0].replace('_', '-')}: missing, expected it or --results and --run")
    run = read_record(Run, args.run_json, "--run-json")
    if section != "explain" and run.is_pretraining != (of_pretraining or section == "pretrain"):
        expected = "a run that predicts" if run.is_pretraining else "a pre-training run"
        raise ConfigError(f"--run: found {run.key}, expected {expected}")
    return run


def _in_results(results: Path, key: str, section: str) -> dict[str, Any]:
    path = results / "config.json"
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected the config that the workflow wrote into its results folder")
    config = read_json(path)
    table = run_table(config["runs"]) | full_cohort_runs(config) | permuted_runs(config)
    if key not in table:
        raise ConfigError(f"--run: found {key}, expected one of {', '.join(table)}")
    if config.get(section) is None:
        raise ConfigError(f"{path}: {section}: found null, expected the section in the config of the results")
    run, folder, images = table[key], results / "runs" / key, images_of(config["runs"])
    further = further_modalities(config, run)
    predicts = section == "predict" and not run.is_pretraining
    of_run = [results / f"runs/{one}/weights.safetensors" for one in run.trained]
    pathways = gene_sets_file(config, run)
    settings = _settings(config, run, section)
    return {
        "run_json": run.as_json(),
        "settings": settings,
        "model": model_section(config, run),
        "pathways": None if pathways is None else Path(pathways),
        "image_shard": results / "shards" / (run.of_image or images[0]),
        "slide_shard": results / "shards" / images[1] if images[1:] and not run.is_pretraining else None,
        "prepared": results / prepared_table(config),
        "prepared_stripped": results / prepared_table(config, stripped=True),
        "expression_shard": results / "shards/rna",
        "fold_genes": results / f"folds/{run.fold}/genes.parquet",
        "modality_shard": [f"{name}={results}/shards/{name}" for name in further],
        "modality_fit": [f"{name}={results}/folds/{run.fold}/{name}.parquet" for name in further],
        "covariates": results / LABELS_FILE if reads_covariates(config, run) else None,
        "split": results / split_file(config, run.fold),
        "pretrained": [results / f"runs/{one}/weights.safetensors" for one in run.starts] or None,
        "leaks": results / leaks_file(config, run),
        "labels": results / LABELS_FILE,
        "task_settings": json.dumps(config.get(run.task, {}), sort_keys=True),
        "weights": of_run if predicts else folder / "weights.safetensors",
        "curves": folder / "curves.jsonl",
        "record": folder / "run.json",
        "output": results / _output(section, run),
    }


def _settings(config: Mapping[str, Any], run: Run, section: str) -> str:
    """The section as the workflow gives it."""
    if section == "pretrain":
        return pretrain_section(config, run)
    return finetune_section(config, run) if section == "finetune" else json.dumps(config[section], sort_keys=True)


def _output(section: str, run: Run) -> str:
    """What a command by hand writes, below the results folder."""
    if section == "explain":
        return f"explain/{run.key}/{ATTRIBUTIONS_FILE}"
    return f"{'embeddings' if run.is_pretraining else 'predictions'}/{run.key}.parquet"
