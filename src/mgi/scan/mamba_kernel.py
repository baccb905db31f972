"""mamba-ssm's CUDA kernel under the signature of the other backends: an option, never needed to import the package.

B batch, L tokens, E inner width, N state size.
"""

import importlib.util

import torch
from torch import Tensor
from torch.nn.functional import pad

from mgi.scan.interface import ScanInput

INSTALL = (
    "pip install --no-build-isolation 'mamba-ssm>=2.2.6,<2.4', or envs/train-gpu.yaml (compute.environment: train-gpu)"
)
SHORT = (128, 256, 512, 1024)  # lengths that the kernel takes in one piece
PIECE = 2048  # tokens in one piece of anything longer


def available() -> str | None:
    """None if the kernel can run, else why not and what to install."""
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no CUDA device"
    if importlib.util.find_spec("selective_scan_cuda") is None:
        return f"mamba-ssm is not installed ({INSTALL})"
    return None


def scan(given: ScanInput) -> Tensor:
    """Series in the dtype of `u`, parameters in float32.

    The kernel wants (B, E, L), runs forwards only, and reads 16 bytes at a time only where L fills whole pieces.
    """
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    u, delta, A, B, C, D, z, delta_bias, delta_softplus, reverse = given
    length = u.shape[1]
    missing = padded_length(length) - length

    def turned(series: Tensor) -> Tensor:
        # Padded after it is flipped: the padding comes last in either direction, and no output sees it.
        ahead = series.to(u.dtype).flip(1) if reverse else series.to(u.dtype)
        return pad(ahead.transpose(1, 2), (0, missing)).contiguous()

    D, delta_bias = (None if one is None else one.float() for one in (D, delta_bias))
    z = None if z is None else turned(z)
    series = (turned(u), turned(delta), A.float(), turned(B), turned(C))
    y: Tensor = selective_scan_fn(*series, D, z=z, delta_bias=delta_bias, delta_softplus=delta_softplus)
    y = y[..., :length].transpose(1, 2)
    return y.flip(1) if reverse else y


def padded_length(length: int) -> int:
    """The next length at which the kernel's loads are aligned."""
    return next((short for short in SHORT if length <= short), -(-length // PIECE) * PIECE)
