"""`python -m queueing`: the toy workflow here and on a SLURM of one node, which must make the same files from at most
eight queue jobs before training; then jobs that are cancelled, drained, killed or too large. A line each.
"""

import argparse
import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from killing.workflow import outputs
from queueing.one_node import lacking, one_node
from queueing.runs import LIMITS, PROFILE, Run, bare, cpu_of_jobs, fresh_tree
from queueing.trials import TRIALS

PLUGIN = "snakemake_executor_plugin_slurm"
MOST_BEFORE_TRAINING = 8
LEARNING = ("pretrain", "finetune")
# What does not depend on when and where it was made.
COMPARED = ("locks/", "tables/", "shards/", "folds/", "predictions/", "evaluation/")
PATIENCE_S = 7200.0


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m queueing", description=__doc__)
    options.add_argument("--folder", type=Path, default=Path("build/slurm"), help="for the node and the trees")
    options.add_argument("--only", nargs="+", default=["workflow", *TRIALS], help="parts of it")
    chosen = options.parse_args()
    missing = lacking() + ([] if importlib.util.find_spec(PLUGIN) else [PLUGIN])
    if missing:
        print(f"slurm-test: not run, this machine lacks {', '.join(missing)}")
        return 0
    folder = chosen.folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    with one_node(folder / "node") as node:
        env = bare(node)
        wrong = _workflow(folder, env) if "workflow" in chosen.only else 0
        for number, (name, trial) in enumerate(TRIALS.items()):
            if name not in chosen.only:
                continue
            verdict = trial(folder / f"trial-{number}", env)
            seconds = "never" if verdict.seconds is None else f"after {verdict.seconds:.0f} s"
            print(f"{name}: {'as it must' if verdict.ok else 'WRONG'}, {seconds}\n  {verdict.said}", flush=True)
            wrong += not verdict.ok
    print(f"slurm-test: {wrong} wrong")
    return int(wrong > 0)


def _workflow(folder: Path, env: Mapping[str, str]) -> int:
    """The whole toy workflow both ways; the number of things that are wrong."""
    here, there = fresh_tree(folder / "here"), fresh_tree(folder / "there")
    local = Run(here, env, "--cores", "2").end(PATIENCE_S)
    running = Run(there, env, *PROFILE, "--resources", *LIMITS)
    queued = running.end(PATIENCE_S)
    if local.code or queued.code:
        print(f"workflow: WRONG, {local.last if local.code else queued.last}")
        return 1
    names = queued.queue_jobs
    before = next(place for place, name in enumerate(names) if any(rule in name for rule in LEARNING))
    jobs = cpu_of_jobs(env, running.numbers())
    differ = _differing(outputs(here), outputs(there))
    print(f"workflow: {len(names)} queue jobs, {before} before training; {len(differ)} files differ {differ or ''}")
    print(
        f"  CPU s: {local.cpu_s:.0f} here; {jobs:.0f} in the jobs and {queued.cpu_s:.0f} in Snakemake on SLURM, "
        f"which is {jobs + queued.cpu_s - local.cpu_s:.0f} more, {os.getloadavg()[0]:.0f} processes at work",
        flush=True,
    )
    return int(before > MOST_BEFORE_TRAINING) + int(bool(differ))


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    names = sorted(name for name in {*one, *other} if name.startswith(COMPARED))
    return [name for name in names if one.get(name) != other.get(name)]


if __name__ == "__main__":
    raise SystemExit(main())
