import importlib

from mgi.models.torchvision_ops import allow_torchvision_without_cuda


def test_the_remedy_is_idempotent_and_torchvision_imports_after_it() -> None:
    allow_torchvision_without_cuda()
    assert allow_torchvision_without_cuda() is False
    assert importlib.import_module("torchvision")
    assert allow_torchvision_without_cuda() is False
