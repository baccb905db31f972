"""One network of a library without the rest: what is loaded, and that the library is whole for who comes later."""

import builtins
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgi.models import narrow_import

SOURCE = Path(__file__).parents[3] / "src"
ALLOW = "from mgi.models.narrow_import import *\nallow_narrow_imports()\n"
TRANSFORMER = "with deferred(TIMM):\n    from timm.models.vision_transformer import VisionTransformer\n"
UNET = "with deferred(MONAI):\n    from monai.networks.nets.basic_unet import BasicUNet\n"
COUNT = "import sys; print(sum(name.split('.')[0] in ('timm', 'monai') for name in sys.modules))"


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("network", "narrow", "whole"), [(TRANSFORMER, 120, 200), (UNET, 100, 400)])
def test_only_a_program_that_allows_it_gets_a_part_of_the_library(network: str, narrow: int, whole: int) -> None:
    assert int(python(f"{ALLOW}{network}{COUNT}")) < narrow
    allowed_by_nobody = ALLOW.replace("allow_narrow_imports()", "").replace(
        "import *", "import *\nfrom mgi.models.torchvision_ops import *\nallow_torchvision_without_cuda()"
    )
    assert int(python(f"{allowed_by_nobody}{network}{COUNT}")) > whole


def test_the_whole_of_timm_comes_later_with_the_same_transformer() -> None:
    later = """
from mgi.models.torchvision_ops import allow_torchvision_without_cuda
allow_torchvision_without_cuda()
import timm, torchvision
from timm.data import create_transform
made = timm.create_model("vit_tiny_patch16_224")
print(type(made) is VisionTransformer, len(timm.list_models()) > 1000, hasattr(torchvision.ops, "nms"))
"""
    assert python(f"{ALLOW}{TRANSFORMER}{later}") == "True True True"


@pytest.mark.parametrize(
    "later",
    ["monai.transforms import Compose", "monai.networks.nets import SwinUNETR"],
)
def test_the_whole_of_monai_comes_later_with_the_same_unet(later: str) -> None:
    same = f"from {later}\nfrom monai.networks.nets import BasicUNet as other\nprint(other is BasicUNet)"
    assert python(f"{ALLOW}{UNET}{same}") == "True"


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """A package `made.up` with the module `part`, whose own code adds a name and counts its runs."""
    package = tmp_path / "made" / "up"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").write_text(
        "import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\nname = 1\n"
    )
    (package / "part.py").write_text("from made.up import light\n")
    (package / "lamp.py").write_text("light = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(narrow_import, "_allowed", [True])
    yield {"made.up": ["lamp"]}
    for module in [one for one in sys.modules if one.split(".")[0] == "made"]:
        del sys.modules[module]
    vars(builtins).pop("runs", None)


def runs() -> int:
    return vars(builtins).get("runs", 0)


def test_a_module_is_imported_without_the_code_of_its_package(made_up: dict[str, list[str]]) -> None:
    with narrow_import.deferred(made_up):
        assert importlib.import_module("made.up.part").light == 2
    assert runs() == 0
    assert importlib.import_module("made.up").name == 1
    assert runs() == 1


def test_a_name_that_the_package_lacks_runs_it_after_all(made_up: dict[str, list[str]]) -> None:
    with narrow_import.deferred(made_up):
        package = importlib.import_module("made.up")
        assert package.name == 1
    assert runs() == 1
    assert importlib.import_module("made.up") is package


def test_a_package_that_was_taken_out_answers_as_the_one_that_is_there_since(made_up: dict[str, list[str]]) -> None:
    with narrow_import.deferred(made_up):
        early = importlib.import_module("made.up")
    assert early.name == 1
    assert importlib.import_module("made.up") is not early
    assert runs() == 1


def test_what_was_imported_before_stays_as_it_is(made_up: dict[str, list[str]]) -> None:
    before = importlib.import_module("made.up")
    with narrow_import.deferred(made_up):
        assert importlib.import_module("made.up") is before
