"""Training by several processes on a CPU against one, for every network and what its layers do with a batch."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mgi.cli import main
from mgi.tasks.segmentation.learning import build
from mgi.training import loop
from mgi.training.weights import Weights, load_weights
from several_modalities import HAVE, Several, register_rooms

SETTINGS = {
    "schedule": {
        "steps": 4, "batch": 5, "warmup_steps": 1, "validate_every": 2, "checkpoint_every": 2, "learning_rate": 0.003,
    },
    "gene_noise": 0.1,
}  # fmt: skip
GENES = [f"ENSG{index:03d}" for index in range(12)]
# Batch norm alone, batch norm and dropout, and the genes with an encoder that learns.
METHODS = {"attention_unet": {}, "deeplabv3plus": {}, "unet": {"convolution_norm": "batch"}, "mgi": {}}
# Their deepest batch norms see few numbers, and AdamW makes whole steps of rounding: they are compared before these.
UNSTABLE = ("attention_unet", "deeplabv3plus")


def keep_first_gradient(path: Path) -> None:
    """Have the loop of this process save the gradient of its first step, before it is clipped."""
    clip = loop.clip_gradients

    def saved(parameters: list[torch.nn.Parameter]) -> None:
        if not path.exists():
            torch.save([torch.zeros_like(one) if one.grad is None else one.grad for one in parameters], path)
        clip(parameters)

    loop.clip_gradients = saved


def together(line: list[str], processes: int, folder: Path) -> list[int]:
    """Exit codes of a command in several processes, forked from this one with what torchrun tells each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    numbers = []
    for rank in range(processes):
        number = os.fork()
        if not number:
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
            os.environ.update({name: str(value) for name, value in place.items()})
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
            sink = os.open(folder / f"rank{rank}.txt", os.O_WRONLY | os.O_CREAT)
            os.dup2(sink, 1)
            os.dup2(sink, 2)
            keep_first_gradient(folder / f"gradient{rank}-of-{processes}.pt")
            code = 99
            try:
                code = main(line)
            finally:
                os._exit(code)
        numbers.append(number)
    return [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in numbers]


def curve_of(folder: Path) -> list[dict[str, float]]:
    timed = ("seconds", "data_wait")
    points = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    return [{name: value for name, value in point.items() if name not in timed} for point in points]


def line_of(study: Any, key: str, method: str, start: Path, **settings: object) -> list[str]:
    model = json.dumps({**study.MODEL, **METHODS[method]})
    more = {"pretrained": start} if method == "mgi" else {}
    return list(study.line("finetune", key, method, settings=json.dumps({**SETTINGS, **settings}), model=model, **more))


def outputs_of(weights: Weights) -> torch.Tensor:
    """Logits of two slices, one of them with genes."""
    model = build(weights.run.method, weights.model, len(weights.genes)).eval()
    model.load_state_dict(weights.tensors)
    drawn = torch.Generator().manual_seed(0)
    images, genes = torch.randn(2, 1, 32, 32, generator=drawn), torch.randn(2, len(weights.genes), generator=drawn)
    with torch.no_grad():
        logits: torch.Tensor = model(images, genes, torch.tensor([0, 1]), torch.tensor([True, False]))
    return logits


@pytest.fixture(scope="module")
def written(write_study: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_study(tmp_path_factory.mktemp("processes"))


def gradient(path: Path) -> torch.Tensor:
    """All numbers of a gradient that was kept."""
    return torch.cat([part.flatten() for part in torch.load(path, weights_only=True)])


@pytest.mark.parametrize(("method", "processes"), [*((method, 2) for method in METHODS), ("mgi", 3), ("unet", 3)])
def test_several_processes_give_the_gradients_losses_and_weights_of_one(
    method: str, processes: int, written: Any, study: Any, tmp_path: Path
) -> None:
    start, kept = study.weights("pretrain"), written.folder / f"alone-{method}"
    alone, key = f"{method}-1", f"{method}-{processes}"
    if not written.weights(alone).exists():
        kept.mkdir()
        assert together(line_of(written, alone, method, start), 1, kept) == [0]
    codes = together(line_of(written, key, method, start, processes=processes), processes, tmp_path)
    assert codes == [0] * processes, (tmp_path / "rank0.txt").read_text()
    for rank in range(processes):
        expected, made = gradient(kept / "gradient0-of-1.pt"), gradient(tmp_path / f"gradient{rank}-of-{processes}.pt")
        assert (made - expected).norm() < 1e-4 * expected.norm()
    one, several = written.folder / "runs" / alone, written.folder / "runs" / key
    points = list(zip(curve_of(one), curve_of(several), strict=True))
    for first, second in points[:1] if method in UNSTABLE else points:
        assert first == pytest.approx(second, rel=1e-4, abs=1e-5)
    if method not in UNSTABLE:
        assert_same_weights(*(load_weights(written.weights(each), genes=GENES) for each in (alone, key)))
    assert json.loads((several / "run.json").read_text())["processes"] == processes
    assert sorted(path.name for path in several.iterdir()) == ["curves.jsonl", "run.json", "weights.safetensors"]


def test_three_processes_pre_train_as_one(written: Any, tmp_path: Path) -> None:
    points, weights = [], []
    for processes in (1, 3):
        settings = json.dumps({"schedule": SETTINGS["schedule"], "unpaired_batch": 2, "processes": processes})
        line = list(written.line("pretrain", f"pretrain-{processes}", settings=settings))
        assert together(line, processes, tmp_path) == [0] * processes, (tmp_path / "rank0.txt").read_text()
        points.append(curve_of(written.folder / f"runs/pretrain-{processes}"))
        weights.append(load_weights(written.weights(f"pretrain-{processes}"), genes=GENES).tensors)
    first = gradient(tmp_path / "gradient0-of-1.pt")
    assert (gradient(tmp_path / "gradient2-of-3.pt") - first).norm() < 1e-4 * first.norm()
    for one, several in zip(*points, strict=True):
        assert one == pytest.approx(several, rel=1e-4, abs=1e-5)
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-3, atol=1e-4)


def test_two_processes_read_further_modalities_as_one(
    write_study: Any, study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_rooms(monkeypatch)
    several = Several(write_study(tmp_path / "study"))
    points, weights = [], []
    for processes in (1, 2):
        settings = json.dumps({**SETTINGS, "modalities": ["rna", *HAVE], "processes": processes})
        line = several.study.line(
            "finetune", f"mgi-{processes}", settings=settings, pretrained=study.weights("pretrain")
        )
        codes = together([*line, *several.given()], processes, tmp_path)
        assert codes == [0] * processes, (tmp_path / "rank0.txt").read_text()
        points.append(curve_of(several.study.folder / f"runs/mgi-{processes}"))
        weights.append(load_weights(several.study.weights(f"mgi-{processes}"), genes=GENES))
    first, second = (gradient(tmp_path / f"gradient{name}.pt") for name in ("1-of-2", "0-of-1"))
    assert (first - second).norm() < 1e-4 * second.norm()
    assert len(points[0]) == 2
    for one, two in zip(*points, strict=True):
        assert one == pytest.approx(two, rel=1e-4, abs=1e-5)
    assert set(weights[0].model.further) == set(HAVE)
    for name, tensor in weights[0].tensors.items():
        if tensor.ndim > 1:
            torch.testing.assert_close(weights[1].tensors[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("missing", ["outer", "outer_genes"])
def test_two_processes_pre_train_with_several_modalities_as_one(
    missing: str, write_study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four training patients three have each modality, so one process has two rows of it and the other one.

    The first process alone validates, and measures how far each modality moves the image encoder.
    """
    register_rooms(monkeypatch)
    uneven = lambda figures, names: {name: float(number) for number, name in enumerate(names)}  # noqa: E731
    monkeypatch.setattr("mgi.training.multimodal.measured_weights", uneven)
    several = Several(write_study(tmp_path / "study"))
    points, weights = [], []
    for processes in (1, 2):
        more = {"missing": missing, "modality_dropout": 0.3, "modality_weights": "measured", "masked_view": "shared"}
        more |= {"unpaired_batch": 2, "processes": processes, "modalities": ["rna", *HAVE]}
        line = several.study.line("pretrain", f"pretrain-{processes}", settings=json.dumps({**SETTINGS, **more}))
        codes = together([*line, *several.given()], processes, tmp_path)
        assert codes == [0] * processes, (tmp_path / "rank0.txt").read_text()
        points.append(curve_of(several.study.folder / f"runs/pretrain-{processes}"))
        weights.append(load_weights(several.study.weights(f"pretrain-{processes}"), genes=GENES).tensors)
    first = gradient(tmp_path / "gradient0-of-1.pt")
    for rank in range(2):
        assert (gradient(tmp_path / f"gradient{rank}-of-2.pt") - first).norm() < 1e-6 * first.norm()
    assert len(points[0]) == 2
    for one, two in zip(*points, strict=True):
        assert one == pytest.approx(two, rel=1e-4, abs=1e-5)
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-3, atol=1e-4)


def assert_same_weights(one: Weights, other: Weights) -> None:
    """Equal to rounding, and so are the networks' outputs."""
    assert one.tensors.keys() == other.tensors.keys()
    torch.testing.assert_close(outputs_of(one), outputs_of(other), rtol=1e-3, atol=1e-3)
    for name, tensor in one.tensors.items():
        if tensor.ndim > 1:  # a bias before a norm has no gradient but rounding
            torch.testing.assert_close(other.tensors[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


def test_patience_ends_all_processes_at_the_same_step(written: Any, tmp_path: Path) -> None:
    schedule = {**SETTINGS["schedule"], "steps": 6, "validate_every": 1, "patience": 1, "learning_rate": 1e-30}
    line = line_of(written, "patient", "unet", tmp_path, schedule=schedule, processes=2)
    assert together(line, 2, tmp_path) == [0, 0]
    assert curve_of(written.folder / "runs/patient")[-1]["step"] < 6


def test_a_task_that_knows_no_processes_is_refused_with_several() -> None:
    from types import SimpleNamespace

    from mgi.core.errors import ConfigError
    from mgi.tasks.learning import learning_of, require_shared
    from mgi.training.distributed import ALONE, Group

    plain: Any = SimpleNamespace(make_drawer=lambda training: None, loss=lambda model, batch, cache: None)
    require_shared(plain, ALONE, "mine")
    require_shared(learning_of("segmentation"), Group(size=2), "segmentation")
    with pytest.raises(ConfigError, match=r"finetune\.processes: .*2.* 1: .*'mine'"):
        require_shared(plain, Group(size=2), "mine")
