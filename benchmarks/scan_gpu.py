"""The selective scan on a GPU: ours against mamba-ssm's kernel, torch, and the floor of the arithmetic, in one run.

python benchmarks/scan_gpu.py                     # B 32, L 61,440, E 512, bfloat16, and smaller; about two minutes
python benchmarks/scan_gpu.py --sizes 8x4096x128  # only this size (batch x tokens x width)

Prints a table and writes benchmarks/results/scan_gpu.json: [{name, value, unit, peer, ratio, max_error}]. `value` is
ours in ms, the median of `--rounds` launches after as many to warm up, `peer` the other's (null where it is not
installed or does not fit in memory), `ratio` ours / peer, `max_error` the largest error of ours against float64,
relative to the largest value of each tensor, on a small float32 case. mamba-ssm gets its own layout (B, E, L), made
outside the time.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]

from mgi.scan import triton_scan  # noqa: E402
from mgi.scan.interface import ScanInput  # noqa: E402

RESULT = Path(__file__).parent / "results/scan_gpu.json"
NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")
LARGE = ("u", "delta", "B", "C", "z")


def inputs(batch: int, tokens: int, width: int, device: torch.device, kind: torch.dtype) -> dict[str, Tensor]:
    """As Mamba's first step has them: dt about 0.001 to 0.1, A from -1 to -16."""
    generator = torch.Generator(device).manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device)

    bias = torch.linspace(-6.9, -2.3, width, device=device)
    values = {
        "u": normal(batch, tokens, width),
        "delta": 0.3 * normal(batch, tokens, width),
        "A": -torch.arange(1.0, 17.0, device=device).repeat(width, 1),
        "B": normal(batch, tokens, 16),
        "C": normal(batch, tokens, 16),
        "D": torch.ones(width, device=device),
        "z": normal(batch, tokens, width),
        "delta_bias": bias,
    }
    return {name: (x.to(kind) if name in LARGE else x).requires_grad_() for name, x in values.items()}


def median_ms(launch: Callable[[], Any], device: torch.device, rounds: int) -> float:
    """Time between two events on the GPU; the wall on a CPU."""
    for _ in range(rounds):
        launch()
    times = []
    for _ in range(rounds):
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            launch()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end))
        else:
            start = time.perf_counter()
            launch()
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def ours(given: dict[str, Tensor]) -> Callable[[], Tensor]:
    """The Triton kernels."""
    return lambda: triton_scan.scan(ScanInput(**given, delta_softplus=True, reverse=False))


def mamba_ssm(given: dict[str, Tensor]) -> Callable[[], Tensor] | None:
    """mamba-ssm's kernel, if its extension is there."""
    if importlib.util.find_spec("selective_scan_cuda") is None:
        return None
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    turned = {
        name: x.detach().transpose(1, 2).contiguous().requires_grad_() if name in LARGE else x
        for name, x in given.items()
    }
    return lambda: selective_scan_fn(**turned, delta_softplus=True)


def chunked(given: dict[str, Tensor]) -> Callable[[], Tensor] | None:
    """The torch backend."""
    if importlib.util.find_spec("mgi.scan.chunked") is None:
        return None
    from mgi.scan import chunked as backend

    return lambda: backend.scan(ScanInput(**given, delta_softplus=True, reverse=False))


def both_ways(scan: Callable[[], Tensor] | None, device: torch.device, rounds: int) -> dict[str, float | None]:
    """Forward (with what the gradients need saved) and backward, in ms; None where it does not fit in memory."""
    if scan is None:
        return {"forward": None, "backward": None}
    try:
        forward = median_ms(scan, device, rounds)
        y = scan()
        gradient = torch.randn_like(y)
        backward = median_ms(lambda: y.backward(gradient, retain_graph=True), device, rounds)
    except torch.cuda.OutOfMemoryError:
        return {"forward": None, "backward": None}
    return {"forward": forward, "backward": backward}


def sequential(given: dict[str, Tensor]) -> Tensor:
    """Step by step, in the type of its inputs."""
    u, A = given["u"], given["A"]
    dt = torch.nn.functional.softplus(given["delta"] + given["delta_bias"])
    h, y = u.new_zeros(u.shape[0], *A.shape), []
    for u_t, dt_t, B_t, C_t in zip(*(x.unbind(1) for x in (u, dt, given["B"], given["C"])), strict=True):
        h = torch.exp(dt_t[..., None] * A) * h + (dt_t * u_t)[..., None] * B_t[:, None]
        y.append((h * C_t[:, None]).sum(-1))
    return (torch.stack(y, 1) + given["D"] * u) * torch.nn.functional.silu(given["z"])


def errors(size: tuple[int, int, int], device: torch.device) -> dict[str, float]:
    """Largest error against float64, relative to the largest value: of y, and of any gradient."""
    given = inputs(*size, device, torch.float32)
    true = {name: x.detach().double().requires_grad_() for name, x in given.items()}
    y, expected = ours(given)(), sequential(true)
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(device)
    y.backward(weight)
    expected.backward(weight.double())

    def relative(a: Tensor | None, b: Tensor | None) -> float:
        assert a is not None
        assert b is not None
        return float(((a.double() - b).abs().max() / b.abs().max()).detach())

    return {
        "forward": relative(y, expected),
        "backward": max(relative(given[name].grad, true[name].grad) for name in NAMES),
    }


def measure(size: tuple[int, int, int], device: torch.device, rounds: int, error: dict[str, float]) -> list[Any]:
    """All rows of one size. Each contender has the memory for itself."""
    from scan_floor_gpu import floors

    times: dict[str, dict[str, float | None]] = {}
    for name, make in (("ours", ours), ("mamba-ssm", mamba_ssm), ("torch, chunked", chunked)):
        times[name] = both_ways(make(inputs(*size, device, torch.bfloat16)), device, rounds)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    times["floor"] = {name: median_ms(launch, device, rounds) for name, launch in floors(*size, device).items()}
    rows = []
    for way in ("forward", "backward"):
        value = times["ours"][way]
        for peer in ("mamba-ssm", "torch, chunked", "floor"):
            other = times[peer][way]
            rows.append(
                {
                    "name": f"{way}, B {size[0]}, L {size[1]}, E {size[2]}, bfloat16, vs {peer}",
                    "value": value,
                    "unit": "ms",
                    "peer": other,
                    "ratio": value / other if value and other else None,
                    "max_error": error[way],
                }
            )
    return rows


def parse(text: str) -> tuple[int, int, int]:
    """`32x61440x512` is batch, tokens, width."""
    batch, tokens, width = map(int, text.split("x"))
    return batch, tokens, width


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["32x61440x512", "32x8192x512", "2x61440x128"])
    parser.add_argument("--device", default="cuda", help="cpu runs the kernels in Triton's interpreter: a rehearsal")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--error-size", default="2x2048x40", help="where ours is compared with float64")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    device = torch.device(args.device)
    missing = triton_scan.available()
    if missing:
        sys.exit(f"scan_gpu: {missing}")
    error = errors(parse(args.error_size), device)
    rows = [row for text in args.sizes for row in measure(parse(text), device, args.rounds, error)]
    print(f"{torch.cuda.get_device_name() if device.type == 'cuda' else 'interpreter'}, torch {torch.__version__}")
    print("| | ours ms | peer ms | ours / peer | max error |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        cells = ("-" if row[key] is None else f"{row[key]:.3g}" for key in ("value", "peer", "ratio", "max_error"))
        print(f"| {row['name']} | {' | '.join(cells)} |")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
