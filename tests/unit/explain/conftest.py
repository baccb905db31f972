"""Small networks as pre-training and segmentation have them, and a run's attributions made up of known numbers."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from mgi.core.run import Run
from mgi.explain.attribution_file import Attributions
from mgi.models.mgi import MGI, DualEncoder, build_dual_encoder, build_mgi
from mgi.models.settings import ModelSettings
from small_study import model_settings, one_thread

__all__ = ["model_settings", "one_thread"]
N_GENES = 10
Rows = Sequence[tuple[str, str, str, np.ndarray]]


def described(**more: object) -> Run:
    """A pre-training of fold 0 and seed 0."""
    given = {"task": "pretraining", "method": "mgi", "inputs": ("flair", "rna"), "fold": 0, "seed": 0}
    return Run(**(given | more))


@pytest.fixture
def encoders(model_settings: ModelSettings) -> DualEncoder:
    torch.manual_seed(0)
    return build_dual_encoder(model_settings, N_GENES).eval()


@pytest.fixture
def segmenter(model_settings: ModelSettings) -> MGI:
    torch.manual_seed(0)
    network = build_mgi(model_settings, N_GENES).eval()
    network.decoder.offset.data.fill_(0.3)  # some pixels are tumour
    return network


@pytest.fixture
def attributions() -> Callable[..., Attributions]:
    """Attributions of rows (value, method, network, numbers (P, G)); genes are g0, g1, …

    Rows of the same value, method and network are draws of random weights.
    """

    def make(rows: Rows, run: Run | None = None, error: float = 0.001, **about: object) -> Attributions:
        sizes = [len(values) for *_, values in rows]
        genes = rows[0][3].shape[1]
        columns = [np.repeat(np.array([row[at] for row in rows], dtype=object), sizes) for at in range(3)]
        draws = [sum(earlier[:3] == row[:3] for earlier in rows[:at]) for at, row in enumerate(rows)]
        patients = np.array([f"P{number}" for size in sizes for number in range(size)], dtype=object)
        return Attributions(
            run=run or described(),
            gene_ids=[f"g{number}" for number in range(genes)],
            gene_names=[f"N{number}" for number in range(genes)],
            about=about,
            patient_id=patients,
            value=columns[0],
            method=columns[1],
            network=columns[2],
            draw=np.repeat(np.array(draws, np.int32), sizes),
            change=np.ones(sum(sizes)),
            error=np.full(sum(sizes), error),
            steps=np.full(sum(sizes), 20, np.int32),
            values=np.concatenate([values for *_, values in rows]).astype(np.float32),
        )

    return make


@pytest.fixture
def run_named() -> Callable[..., Run]:
    """A run with some fields changed."""
    return described
