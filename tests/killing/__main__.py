"""`python -m killing`: three kills in every rule of a target and twenty at any moment, each followed by the documented
unlock and rerun, which must leave what an undisturbed run leaves. What is done is kept and not done again.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from killing.workflow import PARTS, ROOT, Kill, copy_of_workflow, outputs, recover, rules_of, run, run_and_kill, stumps

IN_EACH_RULE, ANYWHERE = 3, 20
LONGEST_IN_RULE_S = 2.0


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m killing", description=__doc__)
    options.add_argument(
        "--target", default="data", help="`data` is the whole ingestion, `all` also learns and reports"
    )
    options.add_argument("--folder", type=Path, default=Path("build/kill"), help="for the trees and the record")
    options.add_argument(
        "--at-most", type=int, default=1_000_000, help="kills in this call; the next goes on from there"
    )
    chosen = options.parse_args()
    folder = chosen.folder / chosen.target
    reference = _reference(folder, chosen.target)
    plan = _plan(reference)
    done = _done(folder)
    for number in [number for number in range(len(plan)) if str(number) not in done][: chosen.at_most]:
        verdict = _try(folder, plan[number], reference, chosen.target)
        done[str(number)] = verdict
        (folder / "done.json").write_text(json.dumps(done, indent=1) + "\n")
        print(f"{number + 1} of {len(plan)}: {verdict}", file=sys.stderr, flush=True)
    print(_line(done, plan, len(reference["rules"])))
    return 1 if any(verdict["differs"] or verdict["stumps"] for verdict in done.values()) else 0


def _reference(folder: Path, target: str) -> dict[str, Any]:
    """Outputs, rules and duration of an undisturbed run of the code as it is; made afresh when the code changed."""
    path, code = folder / "reference.json", _digest_of_code()
    if path.exists() and (known := json.loads(path.read_text()))["code"] == code:
        return dict(known)
    shutil.rmtree(folder, ignore_errors=True)
    tree = copy_of_workflow(folder / "tree")
    began = time.monotonic()
    said = run(tree, target)
    found = {"code": code, "seconds": time.monotonic() - began, "rules": rules_of(said), "outputs": outputs(tree)}
    found["rules"].remove(target)
    path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def _digest_of_code() -> str:
    digest = hashlib.sha256()
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*")) if (ROOT / part).is_dir() else [ROOT / part]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _plan(reference: dict[str, Any]) -> list[Kill]:
    rng = random.Random(0)
    aimed = [
        Kill(rule=rule, delay_s=rng.uniform(0, LONGEST_IN_RULE_S))
        for rule in sorted(reference["rules"])
        for _ in range(IN_EACH_RULE)
    ]
    return aimed + [Kill(rule=None, delay_s=rng.uniform(0, reference["seconds"])) for _ in range(ANYWHERE)]


def _done(folder: Path) -> dict[str, Any]:
    path = folder / "done.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _try(folder: Path, kill: Kill, reference: dict[str, Any], target: str) -> dict[str, Any]:
    """One kill: in a rule that is made to run again in the finished tree, or in a fresh run."""
    tree = folder / "tree"
    if kill.rule is None:
        tree = folder / "fresh"
        shutil.rmtree(tree, ignore_errors=True)
        copy_of_workflow(tree)
    forced = () if kill.rule is None else ("--forcerun", kill.rule, "--")
    killed = run_and_kill(tree, kill, *forced, target)
    while not killed and kill.rule is None and kill.delay_s > 1:  # the reference ran on a busier machine
        kill = replace(kill, delay_s=kill.delay_s / 2)
        shutil.rmtree(tree)
        killed = run_and_kill(copy_of_workflow(tree), kill, target)
    left = stumps(tree)
    recover(tree, *forced, target)  # the same command again
    found = outputs(tree)
    names = sorted(found.keys() | reference["outputs"].keys())
    return {
        "rule": kill.rule,
        "delay_s": round(kill.delay_s, 2),
        "killed": killed,
        "half_written": len(left),
        "differs": [name for name in names if found.get(name) != reference["outputs"].get(name)],
        "stumps": stumps(tree),
    }


def _line(done: dict[str, Any], plan: list[Kill], n_rules: int) -> str:
    verdicts = list(done.values())
    return (
        f"kill: {len(verdicts)} of {len(plan)} kills tried ({n_rules} rules), {sum(one['killed'] for one in verdicts)} "
        f"met a running workflow, {sum(bool(one['half_written']) for one in verdicts)} left half-written files, "
        f"{sum(bool(one['differs']) for one in verdicts)} reruns differ, "
        f"{sum(bool(one['stumps']) for one in verdicts)} leave stumps"
    )


if __name__ == "__main__":
    sys.exit(main())
