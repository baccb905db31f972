"""Help without the libraries: placeholders stand for torch, pandas and their like while a command's parser is built.

A command's file imports what its work needs, which takes seconds and may not be installed; its parser needs none of it.
(Sphinx builds the pages of packages in the same way: `autodoc_mock_imports`.)
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

_DATA = {"matplotlib", "nibabel", "numpy", "pandas", "PIL", "pyarrow", "pydicom", "requests", "scipy", "urllib3"}
_TRAINING = {"cv2", "monai", "safetensors", "segmentation_models_pytorch", "skimage", "timm", "torch", "torchvision"}
LIBRARIES = _DATA | _TRAINING


class _Placeholder:
    """Whatever a module does with a library while it is imported: attribute, call, decorator, base class, type."""

    def __getattr__(self, name: str) -> "_Placeholder":
        return _placeholder(name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return given[0] if len(given) == 1 and isinstance(given[0], FunctionType | type) else self

    def __getitem__(self, key: Any) -> "_Placeholder":
        return self

    def __or__(self, other: Any) -> "_Placeholder":
        return self

    __ror__ = __or__

    def __int__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[()]:
        return ()


def _placeholder(name: str) -> _Placeholder:
    if name.startswith("__"):  # Python asks for these to learn what a thing is
        raise AttributeError(name)
    return _Placeholder()


class _AbsentModule(ModuleType):
    def __getattr__(self, name: str) -> _Placeholder:
        return _placeholder(name)


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in LIBRARIES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
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
