"""What a release tells other programs, in the words of a MONAI bundle."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

from monai.bundle import ConfigParser
from monai.bundle.utils import DEFAULT_METADATA

from mgi.core.run import Run
from mgi.models.settings import ModelSettings
from mgi.release.bundle_metadata import bundle_metadata

SPECIFIER = {
    "type", "format", "modality", "num_channels", "spatial_shape", "dtype", "value_range", "is_patch_data",
    "channel_def",
}  # fmt: skip


def described(head: dict[str, Any] | None = None, inputs: tuple[str, ...] = ("flair", "rna"), **sizes: Any) -> dict:
    run = Run(task="segmentation", method="mgi", inputs=inputs, fold=0, seed=0)
    model = ModelSettings(size="tiny", **sizes).reading(("flair", "post"))
    weights: Any = SimpleNamespace(run=run, model=model, genes=["A", "B", "C"], head=head)
    return bundle_metadata(weights, does="Segments", simulated=True)


def test_every_key_that_the_specification_asks_for_is_there() -> None:
    metadata = described()
    assert set(DEFAULT_METADATA) <= set(metadata)
    both = metadata["network_data_format"]
    assert [set(one) for one in (*both["inputs"].values(), *both["outputs"].values())] == [SPECIFIER] * 3
    assert "SIMULATED" in metadata["description"]


def test_monais_own_reader_finds_the_shape_of_inputs_and_outputs() -> None:
    from monai.bundle.scripts import _get_net_io_info

    parser = ConfigParser({"_meta_": described(context_slices=1)})
    found = _get_net_io_info(parser, "_meta_::network_data_format".replace("::", "#"))
    assert found[0] == 6
    assert found[1] == (32, 32)
    assert found[3] == 1


def test_channels_are_named_in_the_order_in_which_the_network_reads_them() -> None:
    names = described(context_slices=1)["network_data_format"]["inputs"]["image"]["channel_def"]
    assert [name.partition(", standardised")[0] for name in names.values()] == [
        "FLAIR, slice -1", "FLAIR", "FLAIR, slice +1",
        "T1 after contrast, slice -1", "T1 after contrast", "T1 after contrast, slice +1",
    ]  # fmt: skip


def test_a_model_of_the_image_alone_reads_no_genes_and_one_of_classes_names_them() -> None:
    both = described({"classes": ["A", "B"]}, ("flair",))["network_data_format"]
    assert set(both["inputs"]) == {"image"}
    assert both["outputs"]["pred"]["channel_def"] == {"0": "A", "1": "B"}
    risk = described({"endpoint": "OS"}, ("rna",))["network_data_format"]
    assert set(risk["inputs"]) == {"expression"}
    assert risk["inputs"]["expression"]["spatial_shape"] == [3]
    assert risk["outputs"]["pred"]["channel_def"] == {"0": "OS: log risk"}
