"""Attribute what a network answers for test patients to their genes, by integrated gradients, with checks beside it.

Values of a pre-training: `contrast` and `similarity`, on each patient's slice with the most tumour. Of a segmentation:
`mask`; of a task of labels: `head`. With several modalities they rest on the numbers of all that a patient has.
Networks with random weights are explained too; genes are deleted to see what the order is worth; maps show where gene
tokens look in the image.

INPUTS: weights of the run, prepared slices of the image shard, expression shard, the fold's genes, split; shards and
fits of further modalities.
OUTPUTS: attributions, deletion curves and maps of attention (Parquet) in one folder, which explain-tables reads.
BY HAND: mgi explain --results results/X --run pretrain-fold0-seed0
"""

import argparse
from pathlib import Path
from typing import Any

from mgi.commands._device import device
from mgi.commands._explained import Explained
from mgi.commands._explained_attention import attention_rows
from mgi.commands._explained_subject import subject_of
from mgi.commands._run_options import add_modalities, add_run, complete
from mgi.core.errors import ConfigError
from mgi.explain.attribution_file import (
    ATTENTION,
    DELETION,
    RANDOM_WEIGHTS,
    TRAINED,
    write_attributions,
    write_rows,
)
from mgi.explain.patients import explain_patient
from mgi.explain.runs import ATTENTION_FILE, ATTRIBUTIONS_FILE, DELETION_FILE
from mgi.explain.settings import ExplainSettings


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_modalities(options)
    options.add_argument("--weights", type=Path, help="weights of the run")
    options.add_argument("--curves", type=Path, help="curve of its training (JSON lines), for the temperature")
    options.add_argument("--output", type=Path, help="attributions.parquet; the other files are written beside it")


def run(args: argparse.Namespace) -> None:
    run = complete(args, "explain")
    settings = ExplainSettings.read(args.settings, where="explain")
    if args.output.name != ATTRIBUTIONS_FILE:
        raise ConfigError(f"--output: found {args.output.name}, expected a path that ends in {ATTRIBUTIONS_FILE}")
    explained = Explained(args, run, settings, device(args))
    networks = [(TRAINED, 0, explained.network)]
    networks += [(RANDOM_WEIGHTS, draw, explained.random_network(draw)) for draw in range(settings.random_networks)]
    rows: list[dict[str, Any]] = []
    deleted: list[dict[str, Any]] = []
    for name, draw, network in networks:
        subject = subject_of(explained, network)
        for number, patient in enumerate(explained.patients):
            found = explain_patient(
                subject, number, explained.genes[number], explained.baseline, settings,
                where=f"{run.key}: {patient}", trained=name == TRAINED,
            )  # fmt: skip
            rows += [{"patient_id": patient, "network": name, "draw": draw, **row} for row in found.attributions]
            deleted += [{"patient_id": patient, **row} for row in found.deletions]
    folder, made_from = args.output.parent, [args.weights, *explained.fold.sources]
    write_rows(folder / DELETION_FILE, deleted, DELETION, run, made_from)
    write_rows(folder / ATTENTION_FILE, attention_rows(explained), ATTENTION, run, made_from)
    write_attributions(
        args.output, rows, run=run, genes=explained.gene_names(), about=explained.about(), made_from=made_from
    )
    print(explained.summary([row for row in rows if row["network"] == TRAINED]))
