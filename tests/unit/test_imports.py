"""Which libraries a command loads to start: modules, not seconds, which no machine shares with another."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
LARGE = (
    "torch", "torch._dynamo", "torchvision", "timm", "monai", "scipy.stats", "scipy.optimize", "pandas", "matplotlib",
    "cv2",
)  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """Those of the large libraries that a fresh Python has after `code`."""
    code += f"\nimport sys; print(*[name for name in {LARGE} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize(
    ("command", "large"),
    [
        ("lock", set()),
        ("fit_genes", {"pandas"}),
        ("evaluate", {"pandas"}),
        ("report", {"pandas", "matplotlib"}),
        ("prepare_slices", {"torch", "cv2"}),
        ("predict", {"torch", "pandas", "cv2"}),
    ],
)
def test_a_command_starts_with_no_library_beyond_these(command: str, large: set[str]) -> None:
    assert loaded_by(f"import mgi.commands.{command}") == large


def test_a_network_of_mgi_is_built_without_timms_other_networks_and_without_torchs_compiler() -> None:
    """That is what `mgi predict` loads on top: timm's transformer, of the packages around it only their modules."""
    code = """
from mgi.models.narrow_import import allow_narrow_imports
allow_narrow_imports()
from mgi.models.image_encoder import ImageEncoder
from mgi.models.settings import ModelSettings
ImageEncoder(ModelSettings())
import sys
assert "timm.models.vision_transformer" in sys.modules
assert not [name for name in sys.modules if name.startswith(("timm.models.resnet", "torchvision.datasets"))]
"""
    assert loaded_by(code) == {"torch"}
