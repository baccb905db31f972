"""The selective scan on a CPU in turns: ours, what it saves by factors and by tied decays, and mambapy's.

REQUIRED INPUTS: none; the numbers are drawn. mambapy takes part where MGI_PEER_MAMBAPY names the folder that it was
installed into (docs/explanation/benchmarks.md). OUTPUTS: a table, and --output: a list of {name, value, unit, peer,
ratio, max_error}. One thread, one process; every variant gets every draw, in an order that turns from draw to draw.

    PYTHONPATH=src python benchmarks/scan_beside.py

B batch, L tokens, E inner width, N states, R rank of the step size.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import torch
from scaling import Row, row, table_of
from torch import Tensor
from torch.nn.functional import silu, softplus
from trials import ROOT

from mgi.reporting.provenance import machine
from mgi.scan import cpu
from mgi.scan.interface import ScanInput

BATCH, WIDTH, STATES, RANK = 2, 64, 16, 4
LENGTH, WARM_LENGTH = 60_484, 64
Inputs = dict[str, Tensor]
Seconds = tuple[float, float]  # forward; forward and backward


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=5, help="fresh inputs, each for every variant")
    options.add_argument("--length", type=int, default=LENGTH)
    options.add_argument("--mambapy", default=os.environ.get("MGI_PEER_MAMBAPY"), help="folder that holds mambapy")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/scan_beside.json")
    return options.parse_args()


def draw_inputs(length: int, seed: int) -> Inputs:
    """Inputs as a Mamba block at its start makes them: steps between 0.001 and 0.1, A = -(1 ... N)."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    steps = torch.exp(torch.rand(WIDTH, generator=generator) * 4.605 - 6.908)
    drawn = {
        "u": normal(BATCH, length, WIDTH),
        "low": 0.15 * normal(BATCH, length, RANK),
        "weight": normal(WIDTH, RANK),
        "A": -torch.arange(1, STATES + 1).float().repeat(WIDTH, 1),
        "B": normal(BATCH, length, STATES),
        "C": normal(BATCH, length, STATES),
        "D": torch.ones(WIDTH),
        "z": normal(BATCH, length, WIDTH),
        "bias": steps + torch.log(-torch.expm1(-steps)),  # the inverse of softplus
    }
    return {name: tensor.requires_grad_() for name, tensor in drawn.items()}


def ours(given: Inputs, *, factors: bool, tied: bool) -> Tensor:
    """Our kernel, with the step size's product stored or not."""
    u, low, weight, A, B, C, D, z, bias = given.values()
    delta = low if factors else low @ weight.T  # B L R or B L E
    series = ScanInput(u, delta, A, B, C, D, z, bias, delta_softplus=True)
    return cpu.scan(series, step_weight=weight if factors else None, tied_decays=tied)


def mambapy_in(folder: str | None) -> Callable[[Inputs], Tensor] | None:
    """mambapy's parallel scan with the lines of its block around it; None where it is not installed."""
    if folder is None:
        return None
    sys.path.append(folder)
    from mambapy.pscan import pscan

    def scan(given: Inputs) -> Tensor:
        u, low, weight, A, B, C, D, z, bias = given.values()
        dt = softplus(low @ weight.T + bias).unsqueeze(-1)  # B L E 1
        states = pscan(torch.exp(dt * A), dt * B.unsqueeze(2) * u.unsqueeze(-1))  # B L E N
        return ((states @ C.unsqueeze(-1)).squeeze(3) + D * u) * silu(z)

    return scan


def timed(scan: Callable[[Inputs], Tensor], given: Inputs) -> Seconds:
    """Processor seconds, which other work on the machine disturbs less than the clock on the wall."""
    began = time.process_time()
    y = scan(given)
    middle = time.process_time()
    torch.autograd.grad(y, list(given.values()), torch.ones_like(y))
    return middle - began, time.process_time() - began


def measure(variants: Mapping[str, Callable[[Inputs], Tensor]], draws: int, length: int) -> dict[str, list[Seconds]]:
    """variant -> seconds of each draw."""
    for scan in variants.values():
        timed(scan, draw_inputs(WARM_LENGTH, 0))
    found: dict[str, list[Seconds]] = {name: [] for name in variants}
    names = list(variants)
    for seed in range(draws):
        given = draw_inputs(length, seed)
        for name in names[seed % len(names) :] + names[: seed % len(names)]:
            print(f"scan-beside: draw {seed + 1}, {name}", file=sys.stderr, flush=True)
            found[name].append(timed(variants[name], given))
    return found


def rows_of(found: Mapping[str, list[Seconds]]) -> list[Row]:
    """Median and best of as many draws for each, beside `ours`."""
    rows = []
    for which, of in (("median", median), ("best", min)):
        for part, place in (("forward", 0), ("forward + backward", 1)):
            seconds = {name: of([one[place] for one in draws]) for name, draws in found.items()}
            rows += [
                row(f"{part}, {which} of {len(found[name])}: ours vs {name}", seconds["ours"], "s", peer=peer)
                for name, peer in seconds.items()
                if name != "ours"
            ]
    return rows


def main() -> None:
    """Measure, print, write."""
    args = arguments()
    torch.set_num_threads(1)
    variants = {
        "ours": lambda given: ours(given, factors=True, tied=False),
        "ours, product stored": lambda given: ours(given, factors=False, tied=False),
        "ours, tied decays": lambda given: ours(given, factors=True, tied=True),
    }
    if (peer := mambapy_in(args.mambapy)) is not None:
        variants["mambapy"] = peer
    load = os.getloadavg()[0]
    rows = rows_of(measure(variants, args.draws, args.length))
    args.output.write_text(json.dumps(rows, indent=1) + "\n")
    shape = f"B={BATCH}, L={args.length}, E={WIDTH}, N={STATES}, R={RANK}"
    print(f"{shape}, float32, one thread; {machine()}; load at the start {load:.1f}")
    print(table_of(rows, {}))
    print(f"written to {args.output}")


if __name__ == "__main__":
    main()
