"""One trial of one variant of the scan, as a process of its own; the last line of its output is its figures.

    python benchmarks/scan_trial.py '{"variant": "cpp", "batch": 2, "length": 4096, "width": 64, "state": 16}'

Further keys: `backward` (true), `repeats` (3), `budget_s` (20), `exact` (a file of float64 results: adds `errors`).
The variant `exact` makes that file; `floor` is the arithmetic alone, in registers.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from scan_variants import NAMES, VARIANTS, Inputs, arranged, draw_inputs, gradients
from torch import Tensor
from trials import measure_passes

WARM_LENGTH = 64


def main() -> None:
    """Warm up, measure, compare, print."""
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(int(spec.get("threads", 1)))
    sizes = (spec["batch"], spec["length"], spec["width"], spec["state"])
    if spec["variant"] == "exact":
        make_exact(sizes, Path(spec["exact"]))
        print(json.dumps({"both_s": 0.0}))
        return
    if spec["variant"] == "floor":
        print(json.dumps(floor(*sizes[:3])))
        return
    scan = VARIANTS[spec["variant"]]()
    warm = arranged(draw_inputs(sizes[0], WARM_LENGTH, *sizes[2:], dtype=torch.float32), spec["variant"])
    output = scan(**warm)
    if spec.get("backward", True):
        gradients(output, warm, torch.ones_like(output))
    del output, warm
    inputs = arranged(draw_inputs(*sizes, dtype=torch.float32), spec["variant"])
    weight = weight_of(inputs["u"])

    def backward(output: Tensor) -> None:
        gradients(output, inputs, weight)

    figures = measure_passes(
        lambda: scan(**inputs),
        backward if spec.get("backward", True) else None,
        repeats=spec.get("repeats", 3),
        budget_s=spec.get("budget_s", 20.0),
    )
    if "exact" in spec:
        output = scan(**inputs)
        found = {"y": output.detach(), **gradients(output, inputs, weight)}
        figures["errors"] = errors_of(found, torch.load(spec["exact"], weights_only=True))
    print(json.dumps(figures))


def floor(batch: int, length: int, width: int) -> dict[str, float]:
    """Seconds of the scan's arithmetic with 16 states, nothing read or written, compiled as our kernel is."""
    from scan_floor import seconds

    found = seconds(batch, length, width)
    return {"forward_s": found.forward, "both_s": found.forward + found.backward}


def weight_of(like: Tensor) -> Tensor:
    """The gradient that comes in from above: fixed noise, the same numbers in both precisions."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(1)).to(like.dtype)


def make_exact(sizes: tuple[int, int, int, int], path: Path) -> None:
    """Output and gradients of the same inputs in float64, by the loop over all tokens."""
    inputs: Inputs = draw_inputs(*sizes, dtype=torch.float64)
    output = VARIANTS["loop"]()(**inputs)
    found = {"y": output.detach(), **gradients(output, inputs, weight_of(inputs["u"]))}
    part = path.with_suffix(".part")
    torch.save(found, part)
    part.replace(path)


def errors_of(found: dict[str, Any], exact: dict[str, Tensor]) -> dict[str, float]:
    """Largest absolute difference over the largest exact value, of the output (`y`) and each gradient."""
    return {
        name: float((found[name].double() - exact[name]).abs().max() / exact[name].abs().max())
        for name in ("y", *NAMES)
    }


if __name__ == "__main__":
    main()
