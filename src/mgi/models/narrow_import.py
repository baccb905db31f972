"""Import one network of a large library without the rest of it: timm's transformer without its zoo.

The packages around it are put in place without running their `__init__`. One runs after all where somebody asks its
package for a name that it lacks. When the network is there, the packages are taken out again: who imports the library
later gets it whole, in its own order, and the same network. Yet its packages do not know as attributes the modules that
were there before. So only programs of our own import this way (`allow_narrow_imports`), and no notebook of a user.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType

Packages = Mapping[str, Iterable[str]]

# Outer ones first; behind each the modules that have what the network asks the package for.
TIMM: Packages = {
    "torchvision": (), "torchvision.ops": (), "torchvision.models": (),
    "timm": (), "timm.data": ("constants",), "timm.models": (),
}  # fmt: skip
MONAI: Packages = {
    "monai": (), "monai.apps": (), "monai.data": (), "monai.transforms": (),
    "monai.networks": ("utils",), "monai.networks.layers": ("factories", "utils"),
    "monai.networks.blocks": ("acti_norm", "convolutions", "upsample"), "monai.networks.nets": (),
}  # fmt: skip


_allowed: list[bool] = []


def allow_narrow_imports() -> None:
    """Let `deferred` work from here on in this process, whose only user is a command of ours."""
    _allowed.append(True)


class DeferredPackage(ModuleType):
    """A package whose `__init__` has not run: it knows where its modules are, and names that were put into it."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is not self:  # taken out again
            return getattr(importlib.import_module(self.__name__), name)
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]  # first, as its modules may ask for more names while it runs
        spec.loader.exec_module(self)
        return getattr(self, name)


@contextmanager
def deferred(packages: Packages) -> Iterator[None]:
    """Within the block the packages are not run; one that is imported already, or not installed, stays as it is.

    Without `allow_narrow_imports` all is imported as ever.
    """
    placed = [name for name in packages if _allowed and name not in sys.modules and _place(name)]
    try:
        for name in placed:
            for module in packages[name]:
                names = vars(importlib.import_module(f"{name}.{module}"))
                vars(sys.modules[name]).update({one: value for one, value in names.items() if not one.startswith("_")})
        yield
    finally:
        for name in placed:
            if isinstance(sys.modules[name], DeferredPackage):
                del sys.modules[name]


def _place(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    package = DeferredPackage(name)
    vars(package).update(vars(importlib.util.module_from_spec(spec)))
    sys.modules[name] = package
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, package)
    else:
        vars(package)["__version__"] = version(name)
    return True
