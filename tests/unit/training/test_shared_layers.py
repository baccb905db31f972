"""Batch norm and dropout over the parts of a batch in two processes, against torch's layers over the whole."""

import os
import socket
from pathlib import Path

import pytest
import torch
from torch import nn

from mgi.training.distributed import ALONE, processes
from mgi.training.shared_layers import share_layers

BATCH = 5
X = torch.randn(BATCH, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 + 1


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, eps=1e-3), nn.Dropout2d(0.0), nn.Dropout(0.4))


def figures(model: nn.Sequential, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    return model(x), model[1].running_var


def part_of(rank: int, port: int, folder: Path) -> None:
    """What one of two processes does: three steps' outputs, gradients and statistics, saved."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    with processes(on_gpu=False) as group:
        model = network()
        share_layers(model, group, BATCH)
        for _ in range(3):
            made, _ = figures(model, X[group.share(BATCH)])
        whole = group.gather(made, [part.stop - part.start for part in group.parts(BATCH)])
        whole.square().sum().backward()
        group.average_gradients(list(model.parameters()))
        gradients = [parameter.grad for parameter in model.parameters()]
        torch.save([whole.detach(), dict(model.state_dict()), gradients], folder / f"{rank}.pt")


def test_two_parts_come_out_as_the_whole_with_its_gradients_and_statistics(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(2):
        if not (number := os.fork()):
            try:
                part_of(rank, port, tmp_path)
            finally:
                os._exit(0)
        children.append(number)
    for number in children:
        os.waitpid(number, 0)
    model = network()
    for _ in range(3):
        expected, _ = figures(model, X)
    expected.square().sum().backward()
    for rank in range(2):
        made, state, gradients = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(made, expected.detach())
        torch.testing.assert_close(state, dict(model.state_dict()))
        torch.testing.assert_close(gradients, [parameter.grad for parameter in model.parameters()])


def test_one_process_keeps_its_layers() -> None:
    model = network()
    share_layers(model, ALONE, BATCH)
    assert [type(layer) for layer in model] == [nn.Conv2d, nn.BatchNorm2d, nn.Dropout2d, nn.Dropout]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_in_evaluation_a_shared_layer_is_the_one_it_replaced(momentum: float | None) -> None:
    from mgi.training.shared_layers import SharedBatchNorm

    layer = nn.BatchNorm2d(3, momentum=momentum)
    layer(X)
    layer.eval()
    shared = SharedBatchNorm(layer, BATCH)
    assert torch.equal(shared(X), layer(X))
    assert shared.state_dict().keys() == layer.state_dict().keys()
