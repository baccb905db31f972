"""`python -m flips`: every consumer against damaged files; exit code 1 on any silence or stack trace.

Small results are made by the commands themselves. Number n of a pair of consumer and file is the same in every run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from flips.consumers import CONSUMERS
from flips.corruptions import corruption, swaps
from flips.study import make_all
from flips.trial import NAMED, SILENT, TRACE, VERDICTS, Bench

EACH = 40
ANY_FILE = (("lock-diff", "locks/rna.json"), ("labels gdc", "raw/labels/cases.json"))
"""Commands with a file that may be a whole one of other results: what is made of it says so afterwards."""


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m flips", description=__doc__)
    options.add_argument("--each", type=int, default=EACH, help="corruptions of each pair (default: %(default)s)")
    options.add_argument("--only", default="", help="pairs whose name contains this text")
    options.add_argument("--every", type=int, default=1, help="take each n-th pair alone")
    options.add_argument("--sample", action="store_true", help="make less: files of other results are ingested ones")
    options.add_argument("--results", type=Path, help="folder of results that are kept for the next call")
    chosen = options.parse_args()
    pairs = [pair for pair in CONSUMERS if chosen.only in " ".join(pair)][:: chosen.every]
    began = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.results or Path(scratch)
        results, other = folder / "own/results", folder / "other/results"
        if not results.is_dir():
            results, other = make_all(folder, whole_other=not chosen.sample)
        bench, total = Bench(results, Path(scratch)), Counter[str]()
        for pair in (one.found_in(results) for one in pairs):
            counts = Counter[str]()
            content = (results / pair.file).read_bytes()
            tried = [
                {pair.file: corruption(content, random.Random(f"{pair.command} {pair.file} {number}"))}
                for number in range(chosen.each)
            ]
            for damaged in [*tried, *(swaps(results, other, pair.file) if pair not in ANY_FILE else [])]:
                verdict = bench.try_out(pair, damaged)
                counts[verdict.kind] += 1
                if verdict.kind != NAMED:
                    what = ", ".join(change.what for change in damaged.values())
                    print(f"{verdict.kind}: {pair.command}: {pair.file}: {what}: {verdict.said}", file=sys.stderr)
            print(f"{pair.command:<28}{pair.file:<48}" + "  ".join(f"{counts[one]} {one}" for one in VERDICTS))
            total += counts
    said = ", ".join(f"{total[one]} {one}" for one in VERDICTS)
    print(f"flips: {len(pairs)} pairs of consumer and file, {total.total()} corruptions: {said}; "
          f"{time.process_time() - began:.0f} s of CPU")  # fmt: skip
    return int(bool(total[SILENT] or total[TRACE]))


if __name__ == "__main__":
    sys.exit(main())
