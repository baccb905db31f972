"""`python -m fuzz`: the whole plan, or a part of it; exit code 1 on any escape or silent acceptance."""

import argparse
import os
import sys
from pathlib import Path

from fuzz import worker
from fuzz.plan import chunks, line, preload, run_all, save, saved_escapes, write_seeds


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    options.add_argument("--only", help="one target or one group")
    options.add_argument("--scale", type=float, default=1.0, help="share of the plan")
    options.add_argument("--cpu-s", type=float, default=worker.CPU_S, help="seconds of CPU that one input may take")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="for seeds, counts and bad inputs")
    chosen = options.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # the others reserve address space ahead
    worker.CPU_S = chosen.cpu_s
    seeds = chosen.folder / "seeds"
    write_seeds(seeds)
    preload()
    tallies = run_all(chunks(chosen.scale, chosen.only), seeds, workers=chosen.workers)
    bad = list(saved_escapes(tallies, seeds, chosen.folder))
    save(tallies, chosen.folder / "counts.json")
    for text in bad[:50]:
        print(text, file=sys.stderr)
    print(line(tallies))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
