"""Build the network of a run, fresh or from weights."""

from torch import nn

from mgi.core.errors import BadInputError
from mgi.models.baselines import BASELINES
from mgi.models.gene_tokens import Members
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation.finetune import WithoutGenes
from mgi.training.weights import Weights, part_of


def build_segmenter(method: str, settings: ModelSettings, n_genes: int, gene_sets: Members | None = None) -> nn.Module:
    """The network of `method` with fresh weights, under the signature of `finetune.Segmenter`.

    Raises BadInputError where the method is unknown.
    """
    if method == "mgi":
        return build_mgi(settings, n_genes, gene_sets)
    if method in BASELINES:
        return WithoutGenes(BASELINES[method](settings))
    raise BadInputError(f"method '{method}': expected one of {['mgi', *BASELINES]}")


def start_from_pretrained(model: nn.Module, weights: Weights) -> None:
    """Copy both pre-trained encoders into MGI, in place; the pre-training heads stay behind.

    Raises BadInputError where the pre-trained encoders have other sizes.
    """
    for name in ("image_encoder", "gene_encoder"):
        try:
            model.get_submodule(name).load_state_dict(part_of(weights.tensors, f"{name}."))
        except (AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BadInputError(f"pre-trained weights do not fit {name}: {reason}") from None
