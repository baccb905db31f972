"""Where a command computes: as it is told, or it says why not."""

import argparse
import json
import os

import pytest
import torch

from mgi.commands._device import device, wants_gpu
from mgi.commands._run_options import add_device
from mgi.core.errors import ResourceError
from mgi.training.distributed import gpu_of_process


def options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_device(parser)
    return parser.parse_args(given)


@pytest.fixture
def gpus(monkeypatch):
    """Let torch see so many GPUs."""

    def see(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return see


CASES = [
    ((), 0, "cpu"),
    ((), 1, "cuda"),
    (("--device=cpu",), 1, "cpu"),
    (("--device=cuda",), 1, "cuda"),
    (("--gpus=0",), 1, "cpu"),
    (("--gpus=2",), 2, "cuda"),
    (("--gpus=0", "--device=cuda"), 0, "cpu"),
]


@pytest.mark.parametrize(("given", "count", "expected"), CASES)
def test_the_device_is_the_one_that_was_asked_for(given, count, expected, gpus) -> None:
    gpus(count)
    assert device(options(*given)) == torch.device(expected)
    assert wants_gpu(options(*given)) == (expected == "cuda")


@pytest.mark.parametrize("given", ["--gpus=1", "--device=cuda"])
def test_a_gpu_that_is_asked_for_and_not_there_is_an_error(given, gpus, monkeypatch) -> None:
    gpus(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    said = "built without CUDA" if torch.version.cuda is None else "CUDA_VISIBLE_DEVICES is ''"
    with pytest.raises(
        ResourceError, match=rf"{given.replace('=', ' ')}: torch .* no GPU \(.*{said}\); .*compute\.gpu"
    ):
        device(options(given))


@pytest.mark.parametrize("command", ["pretrain", "finetune", "predict-fold"])
def test_commands_say_so_in_one_line_before_they_read_data(command, study, capsys) -> None:
    more = {} if command == "predict-fold" else {"settings": json.dumps({"schedule": study.SCHEDULE})}
    assert study.run(command, "none", "mgi", gpus=1, **{"image-shard": "nowhere"}, **more) == 6
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"mgi {command}: --gpus 1: torch ") for line in said] == [True]


def test_fewer_gpus_than_processes_on_a_machine_are_refused(gpus, monkeypatch) -> None:
    gpus(1)
    for name, value in {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ResourceError, match=r"2 processes .* 1 GPU"):
        gpu_of_process()


def test_deterministic_is_torchs_own_mode_with_what_cublas_needs_on_a_gpu_alone(gpus, monkeypatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    gpus(1)
    device(options("--device=cpu", "--deterministic"))
    device(options("--device=cuda"))
    assert not torch.are_deterministic_algorithms_enabled()
    try:
        device(options("--device=cuda", "--deterministic"))
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        torch.use_deterministic_algorithms(False)
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
