"""The ingestion, killed in every other of its rules, ends with the files of an undisturbed run; `make kill` has all."""

import random
from pathlib import Path

from killing.workflow import (
    ANY_JOB,
    Kill,
    copy_of_workflow,
    has_begun,
    outputs,
    recover,
    rules_of,
    run,
    run_and_kill,
    stumps,
)

TARGET = "data"
LONGEST_S = 1.0


def test_kills_in_the_middle_of_rules_change_no_file(tmp_path: Path) -> None:
    undisturbed = copy_of_workflow(tmp_path / "undisturbed")
    rules = [rule for rule in rules_of(run(undisturbed, TARGET)) if rule != TARGET]
    assert len(rules) >= 9
    tree, moments, killed = copy_of_workflow(tmp_path / "killed"), random.Random(0), 0
    for rule in rules[::2][:5]:
        # A rule that ran beside an earlier one may be over: then the next job, whichever it is.
        aim = ANY_JOB if has_begun(tree, rule) else rule
        killed += run_and_kill(tree, Kill(rule=aim, delay_s=moments.uniform(0, LONGEST_S)), TARGET)
        run(tree, "--unlock")
    assert killed >= 4
    recover(tree, TARGET)
    expected = outputs(undisturbed)
    assert len(expected) > 100
    assert outputs(tree) == expected
    assert stumps(tree) == []
