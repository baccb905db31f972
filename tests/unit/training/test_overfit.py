from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.datasets.settings import AugmentSettings
from mgi.datasets.slices import prepare_slices
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation import learning
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings, ScheduleSettings
from mgi_standin.simulation.cohort import simulate_cohort
from mgi_standin.simulation.settings import SimulationSettings

COHORT = SimulationSettings(
    seed=5, n_patients=8, n_genes=800, slices_min=8, slices_max=8, pixels=64, genes_drive_images=True
)
MODEL = ModelSettings(
    image_size=64,
    patch_size=8,
    image_width=64,
    image_depth=2,
    image_heads=4,
    gene_tokens="local",
    gene_patch=200,
    gene_width=32,
    gene_depth=1,
    decoder_width=96,
    decoder_heads=4,
    decoder_depth=1,
    upsampling_stages=3,
)
SETTINGS = FinetuneSettings(
    schedule=ScheduleSettings(
        steps=500,
        batch=16,
        learning_rate=2e-3,
        weight_decay=0.0,
        warmup_steps=50,
        validate_every=100,
        checkpoint_every=1000,
    ),
    image_encoder_lr_scale=1.0,
    gene_encoder_lr_scale=1.0,
    gene_dropout=0.0,
    augment=AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0),
)


@pytest.mark.slow
def test_mgi_can_learn_eight_simulated_patients_by_heart(tmp_path: Path) -> None:
    cohort = simulate_cohort(COHORT)
    genes = np.stack([patient.log_expression for patient in cohort])
    scaled = (genes - genes.mean(0)) / (genes.std(0) + 1e-6)
    slices = prepare_slices([(one.patient_id, one.volume, one.mask.astype(np.uint8)) for one in cohort], 64)
    pairs = Pairs(slices=slices, genes=torch.from_numpy(scaled.astype(np.float32)))
    run_context = RunContext(checkpoints=tmp_path, identity="overfit", randomness=Randomness.seeded(0))
    model = build_mgi(MODEL, COHORT.n_genes)
    curve = finetune(model, learning, pairs, pairs, SETTINGS, use_genes=True, context=run_context)
    assert max(point["validation_dice"] for point in curve) >= 0.95
