"""Let a CUDA build of torchvision be imported beside a CPU build of torch.

timm and segmentation-models-pytorch import torchvision, whose Python side registers shape rules for operators that
its native library should have declared. Where that library cannot load (no CUDA runtime), the import fails with
"operator torchvision::nms does not exist". Declaring the schemas is enough: none of our code calls those operators.
"""

import importlib.util
import sys
from pathlib import Path

import torch

# The declaration is undone when the library object is collected, hence the module-level reference.
_declared: list[torch.library.Library] = []


def allow_torchvision_without_cuda() -> bool:
    """Declare the missing operators where they are missing; return whether anything had to be declared."""
    if _declared or "torchvision" in sys.modules or torch.version.cuda is not None:
        return False
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    try:
        torch.ops.load_library(str(min(Path(spec.origin).parent.glob("_C*.so"))))
    except (OSError, ValueError):  # it cannot be loaded, or none is there
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
    return bool(_declared)
