"""Compare what the workflow's jobs ask for with what a SLURM cluster gives, and print the lines that the profile needs.

Run it where jobs are submitted, in the folder of the checkout. Exit code 1 where a rule asks for more time, memory,
CPUs or GPUs than any partition gives: its jobs would wait for ever, or be cut to the limits that are printed.
"""

import argparse
import getpass
import subprocess
import sys

from mgi.cluster.advice import excesses, profile_lines
from mgi.cluster.partitions import SACCT, SACCTMGR, SINFO, NodeKind, accounts_of, node_kinds
from mgi.cluster.requests import requests_of
from mgi.core.errors import ConfigError, ResourceError

# Neither the limits of a profile nor this machine's number of cores are to hide what a rule asks for.
_UNLIMITED = ("--executor", "dryrun", "--cores", "100000", "--resources", "net=2")
PATIENCE_S = 60


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="as for snakemake")
    options.add_argument("--profile", default="profiles/slurm", help="workflow profile (default: profiles/slurm)")


def run(args: argparse.Namespace) -> int:
    kinds = node_kinds(_required(*SINFO))
    accounts = accounts_of(_said_by(*SACCTMGR, f"user={getpass.getuser()}") or "")
    has_sacct = _said_by(*SACCT) is not None
    requests = requests_of(_dry_run(args.configfile, args.profile))
    print("\n".join(_described(kind) for kind in kinds))
    print(f"accounts: {', '.join(accounts) or 'none, or they are not told'}")
    too_much = excesses(requests, kinds)
    print("\n".join(too_much) if too_much else f"all {len(requests)} rules fit on some partition")
    print(f"\nlines for {args.profile}/profile.yaml:")
    print("\n".join(profile_lines(requests, kinds, accounts, has_sacct=has_sacct)))
    return int(bool(too_much))


def _described(kind: NodeKind) -> str:
    limit = "no time limit" if kind.minutes is None else f"{kind.minutes} min"
    gpus = "".join(f", {number} GPUs" + (f" ({name})" if name else "") for name, number in kind.gpus.items())
    state = "" if kind.is_up else ", not up"
    default = " (default)" if kind.is_default else ""
    return f"partition {kind.partition}{default}: {limit}, {kind.cpus} CPUs, {kind.mem_mb} MB{gpus}{state}"


def _dry_run(configs: list[str], profile: str) -> str:
    """Of all jobs, whatever is already made. The profile may name rules, partitions and memory of its own."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--forceall", "--workflow-profile", profile, *_UNLIMITED]
    command += ["--configfile", *configs] if configs else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ConfigError(f"snakemake --dry-run: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout + done.stderr


def _required(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ResourceError(f"{command[0]}: {error}; run this where jobs are submitted") from None
    if done.returncode:
        raise ResourceError(f"{command[0]}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def _said_by(*command: str) -> str | None:
    """What a command says that a site may lack; None where it is lacking or fails."""
    try:
        return _required(*command)
    except ResourceError:
        return None
