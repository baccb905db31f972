"""Run the whole matrix and print one line of counts; exit 1 where anything is wrong. With --table, only the table.

The table is the one of docs/explanation/reliability.md, which a test compares with it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import fault_archive
import slide_faults
from case_faults import FAULTS, run_case_fault
from fault_cases import CASES, Case, name_of
from fault_run import Verdict, run_case


def table(cases: Sequence[Case] = CASES) -> str:
    """The matrix in Markdown: what a service does, and what becomes of it at each, with the attempts."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for case in cases:
        ends = f"recovers, {case.attempts}" if case.outcome == "recovers" else f"exit {case.exit_code}, {case.attempts}"
        rows.setdefault((str(case.mode), case.does), {})[case.service] = ends
    ordered = sorted(rows.items(), key=lambda row: (row[0][0] == "own", int(row[0][0].replace("own", "0"))))
    lines = ["| mode | what the service does | GDC | NBIA |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {mode} | {does} | {found.get('gdc', '–')} | {found.get('nbia', '–')} |" for (mode, does), found in ordered
    ]
    return "\n".join(lines) + "\n"


def counts(verdicts: Sequence[Verdict]) -> str:
    """The line that `make faults` ends with."""
    wrong = sum(bool(verdict.problems) for verdict in verdicts)
    lost, hung = (sum(getattr(verdict, what) for verdict in verdicts) for what in ("lost", "hung"))
    kept = [verdict.outcome for verdict in verdicts if not verdict.problems]
    return (
        f"faults: {len(verdicts)} cases, {kept.count('recovered')} recovered, {kept.count('failed')} failed as they "
        f"must, {lost} silent losses, {hung} hangs, {wrong} wrong"
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--table", action="store_true", help="print the table of the reliability page and stop")
    options.add_argument("--only", default="", help="run the cases whose name holds this text")
    chosen = options.parse_args()
    if chosen.table:
        print(table(), end="")
        return 0
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        archive = fault_archive.write_archive(Path(folder) / "archive")
        cases = [case for case in CASES if chosen.only in name_of(case)]
        for number, case in enumerate(cases):
            verdict = run_case(case, archive, Path(folder) / str(number))
            verdicts.append(verdict)
            for problem in verdict.problems:
                print(f"{name_of(case)}: {problem}", file=sys.stderr)
        for number, fault in enumerate(FAULTS):
            if chosen.only not in (name := f"cases: {fault.does}"):
                continue
            verdicts.append(run_case_fault(fault, archive, Path(folder) / f"cases-{number}"))
            for problem in verdicts[-1].problems:
                print(f"{name}: {problem}", file=sys.stderr)
        for number, fault in enumerate(slide_faults.FAULTS):
            if chosen.only not in (name := f"slides: {slide_faults.name_of(fault)}"):
                continue
            place = Path(folder) / f"slides-{number}"
            place.mkdir()
            verdicts.append(slide_faults.run_slide_fault(fault, place))
            for problem in verdicts[-1].problems:
                print(f"{name}: {problem}", file=sys.stderr)
    print(counts(verdicts))
    return int(not verdicts or any(verdict.problems for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
