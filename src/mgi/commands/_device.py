"""Where a command computes: on the device that its rule or its user names, and on no other."""

import argparse
import os

import torch

from mgi.core.errors import ResourceError


def wants_gpu(args: argparse.Namespace) -> bool:
    """Whether a GPU is asked for, or with `--device auto` there."""
    if args.gpus is not None:
        return bool(args.gpus > 0)
    return bool(args.device == "cuda" or (args.device == "auto" and torch.cuda.is_available()))


def device(args: argparse.Namespace) -> torch.device:
    """The GPU of this process, on which `--deterministic` allows no operation whose result may vary; or the CPU.

    Raises ResourceError where a GPU is asked for and torch finds none.
    """
    if not wants_gpu(args):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        asked = "--device cuda" if args.gpus is None else f"--gpus {args.gpus}"
        remedy = "set compute.gpu to 0, or --device cpu by hand, to compute on the CPU"
        raise ResourceError(f"{asked}: torch {torch.__version__} finds no GPU ({_reason()}); {remedy}")
    if args.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
        torch.use_deterministic_algorithms(True)
    return torch.device("cuda")


def _reason() -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return "it was built without CUDA"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "does nvidia-smi list one?" if visible is None else f"CUDA_VISIBLE_DEVICES is '{visible}'"
