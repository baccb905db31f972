"""One thread for torch, and a handful of patients whose tumour side their first gene tells."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.datasets.slices import prepare_slices
from mgi.models.settings import ModelSettings
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs

N_GENES = 10


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def model_settings() -> ModelSettings:
    return ModelSettings(
        image_size=16,
        patch_size=8,
        image_width=16,
        image_depth=1,
        image_heads=2,
        gene_patch=4,
        gene_width=16,
        gene_depth=1,
        gene_state=4,
        projection_width=8,
        decoder_width=16,
        decoder_heads=2,
        decoder_depth=1,
        upsampling_stages=1,
        baseline_width=4,
    )


@pytest.fixture
def pairs() -> Callable[..., Pairs]:
    """Draw patients of three slices at 16 pixels with ten genes."""

    def draw(n_patients: int, seed: int = 0, prefix: str = "P") -> Pairs:
        rng = np.random.default_rng(seed)
        genes = rng.normal(size=(n_patients, N_GENES)).astype(np.float32)
        volumes = []
        for index in range(n_patients):
            mask = np.zeros((3, 16, 16), np.uint8)
            column = 3 if genes[index, 0] > 0 else 10
            mask[1, 5:10, column : column + 4] = 1
            volume = rng.normal(100, 5, mask.shape) + 60 * mask + 60 * mask[:, :, ::-1]
            volumes.append((f"{prefix}{index}", volume.astype(np.float32), mask))
        return Pairs(slices=prepare_slices(volumes, 16), genes=torch.from_numpy(genes))

    return draw


@pytest.fixture
def run_context(tmp_path: Path) -> Callable[..., RunContext]:
    """A fresh context with its own folder and a seed; it seeds torch's initial weights as well."""

    def make(name: str, seed: int = 0) -> RunContext:
        return RunContext(checkpoints=tmp_path / name / "ckpt", identity=name, randomness=Randomness.seeded(seed))

    return make
