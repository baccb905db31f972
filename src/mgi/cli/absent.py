"""Help without the libraries: placeholders stand for torch, pandas and their like while a command's parser is built.

A command's file imports what its work needs, which takes seconds and may not be installed; its parser needs none of it.
(Sphinx builds the pages of packages in the same way: `autodoc_mock_imports`.)
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any
from unittest.mock import MagicMock

_DATA = {"matplotlib", "nibabel", "numpy", "pandas", "PIL", "pyarrow", "pydicom", "requests", "scipy", "urllib3"}
_TRAINING = {"cv2", "monai", "safetensors", "segmentation_models_pytorch", "timm", "torch", "torchvision"}
LIBRARIES = _DATA | _TRAINING


class _Placeholder(MagicMock):
    """Whatever a module does with a library while it is imported: attribute, call, decorator, type, base class."""

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[()]:
        return ()


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in LIBRARIES else None

    def create_module(self, spec: ModuleSpec) -> Any:
        return _Placeholder()

    def exec_module(self, module: Any) -> None:
        """Nothing to run."""


@contextmanager
def libraries_absent() -> Iterator[None]:
    """Import placeholders in the place of LIBRARIES; what was imported meanwhile is forgotten at the end."""
    before, finder = dict(sys.modules), _Finder()
    for name in [name for name in sys.modules if name.partition(".")[0] in LIBRARIES | {"mgi"}]:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.clear()
        sys.modules.update(before)
