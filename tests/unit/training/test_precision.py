import re

import pytest
import torch

from mgi.core.errors import ConfigError
from mgi.training.precision import precision_of


def test_bf16_on_a_cpu_is_refused_with_one_line_that_says_what_to_set() -> None:
    with pytest.raises(ConfigError) as caught:
        precision_of("bf16", torch.device("cpu"), where="finetune.schedule")
    assert re.search(r"^finetune\.schedule\.precision: bf16 .*'cpu'.*float32", str(caught.value))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_in_float32_nothing_is_cast(device) -> None:
    with precision_of("float32", torch.device(device), where="pretrain.schedule")():
        assert not torch.is_autocast_enabled("cpu")
        assert not torch.is_autocast_enabled("cuda")


def test_bf16_on_a_gpu_is_autocast_to_bfloat16(monkeypatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *given: given)  # the real one wants a GPU
    context = precision_of("bf16", torch.device("cuda"), where="pretrain.schedule")
    assert context() == ("cuda", torch.bfloat16)
