"""One trial of one gene encoder's layer, or of the pre-training step, as a process of its own.

    python benchmarks/encoder_trial.py '{"layer": "mamba", "length": 4096}'
    python benchmarks/encoder_trial.py '{"layer": "step", "length": 60660, "threads": 2, "pretrain": {}, "model": {}}'

Further keys of a layer: `backward` (true), `repeats` (3), `budget_s` (20); of the step: `timed` (3), `patients` (8),
`whole` (false) makes `model` and `pretrain` all settings, `stores_steps` (false) stores the step size as a product
(B, L, E). The last line of the output is the figures.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from trials import MIB, measure_passes

from mgi.datasets.slices import SliceSet
from mgi.models.gene_encoder import BLOCKS
from mgi.models.gene_tokens import FlatToken, GroupTokens
from mgi.models.mgi import build_dual_encoder
from mgi.models.settings import ModelSettings
from mgi.scan import interface
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs, pretrain
from mgi.training.settings import PretrainSettings

WIDTH = 64
WARM_LENGTH = 256
ONE_WAY = ModelSettings(gene_width=WIDTH, gene_depth=1, bidirectional=False, scan_backend="cpp")
BOTH_WAYS = ModelSettings(gene_width=WIDTH, gene_depth=1, bidirectional=True, scan_backend="cpp")
# ViT-tiny over one slice of 224 pixels; the genes' width and depth as in the goal, one token a gene.
STEP_MODEL = {"image_size": 224, "patch_size": 16, "image_width": 192, "image_depth": 12, "image_heads": 3}
STEP_GENES = {"gene_tokens": "gene", "gene_width": WIDTH, "gene_depth": 2, "scan_backend": "auto"}
STEP_PATIENTS, STEPS = 8, 4


def token_layer(block: nn.Module) -> Callable[[int], nn.Module]:
    """A layer over tokens is the same for every length."""
    return lambda length: block


LAYERS: dict[str, Callable[[], Callable[[int], nn.Module]]] = {
    "mamba": lambda: token_layer(BLOCKS["mamba"](ONE_WAY)),
    "mamba, both ways": lambda: token_layer(BLOCKS["mamba"](BOTH_WAYS)),
    "transformer": lambda: token_layer(BLOCKS["transformer"](ONE_WAY)),
    "mlp": lambda: token_layer(BLOCKS["mlp"](ONE_WAY)),
    "flat_mlp": lambda: lambda length: FlatToken(length, WIDTH),
    "group_attention": lambda: (
        lambda length: nn.Sequential(
            GroupTokens(length, ONE_WAY.gene_groups, WIDTH), BLOCKS["group_attention"](ONE_WAY)
        )
    ),
}
OF_VALUES = ("flat_mlp", "group_attention")


def measure_layer(spec: dict[str, Any]) -> dict[str, Any]:
    """Forward and backward of one patient's tokens (1, L, D), or values (1, L) for what reads those."""
    name, length = spec["layer"], spec["length"]
    make = LAYERS[name]()
    backward = spec.get("backward", True)
    warm = make(WARM_LENGTH)(inputs_of(name, WARM_LENGTH))
    if backward:
        warm.sum().backward()
    del warm
    layer, values = make(length), inputs_of(name, length)  # in training mode: SDPA, and activations are kept

    def differentiate(output: Tensor) -> None:
        layer.zero_grad(set_to_none=True)
        values.grad = None
        output.sum().backward()

    figures = measure_passes(
        lambda: layer(values),
        differentiate if backward else None,
        repeats=spec.get("repeats", 3),
        budget_s=spec.get("budget_s", 20.0),
    )
    return {**figures, "parameters": sum(parameter.numel() for parameter in layer.parameters())}


def inputs_of(name: str, length: int) -> Tensor:
    """What the layer reads, with a gradient."""
    shape = (1, length) if name in OF_VALUES else (1, length, WIDTH)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()


def measure_step(spec: dict[str, Any]) -> dict[str, Any]:
    """Seconds, and processor seconds, between the optimiser's steps of a short pre-training, and the peak memory.

    It is the project's own loop: draw a batch, forward, backward, clip, optimise.
    """
    if spec.get("stores_steps"):
        interface.FACTORS_FROM = sys.maxsize
    ours, patients = {} if spec.get("whole") else {**STEP_MODEL, **STEP_GENES}, spec.get("patients", STEP_PATIENTS)
    model = ModelSettings.read({**ours, **spec.get("model", {})}, where="model")
    count = spec.get("timed", STEPS - 1) + 1
    schedule = {"steps": count, "batch": patients, "validate_every": count, "checkpoint_every": count + 1}
    settings = PretrainSettings.read({**spec.get("pretrain", {}), "schedule": schedule}, where="pretrain")
    ends: list[tuple[float, float]] = []
    hook = register_optimizer_step_post_hook(lambda *_: ends.append((time.perf_counter(), time.process_time())))
    randomness = Randomness.seeded(0)
    aligner = build_dual_encoder(model, spec["length"])
    pairs = drawn_pairs(patients, model.image_size, spec["length"])
    few = drawn_pairs(2, model.image_size, spec["length"])  # validation is not what is measured
    with tempfile.TemporaryDirectory() as folder:
        run_context = RunContext(checkpoints=Path(folder), identity="step", randomness=randomness)
        pretrain(aligner, pairs, few, settings, context=run_context)
    hook.remove()
    steps, of_processors = ([late[of] - early[of] for early, late in pairwise(ends)] for of in (0, 1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    return {"step_s": min(steps), "steps_s": steps, "step_cpu_s": min(of_processors), "peak_mib": peak}


def drawn_pairs(patients: int, size: int, n_genes: int) -> Pairs:
    """Noise in the shapes of patients: one slice each."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(patients, 1, size, size, generator=generator)
    slices = SliceSet(
        channels=torch.cat([images, torch.ones_like(images)], 1),
        patient=torch.arange(patients),
        patient_ids=[f"patient-{number}" for number in range(patients)],
        frames=[],
    )
    return Pairs(slices=slices, genes=torch.randn(patients, n_genes, generator=generator))


def main() -> None:
    """Measure what the specification asks for and print it."""
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(int(spec.get("threads", 1)))
    torch.manual_seed(0)
    print(json.dumps(measure_step(spec) if spec["layer"] == "step" else measure_layer(spec)))


if __name__ == "__main__":
    main()
