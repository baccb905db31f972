"""Where gene tokens look in the image: the last attention of the fusion decoder. S slices, K tokens, T patches."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from mgi.models.fusion import Attention, MaskDecoder
from mgi.models.mgi import MGI


@torch.no_grad()
def attention_maps(network: MGI, images: Tensor, genes: Tensor | None) -> Tensor | None:
    """The share of attention on each image patch (S, T), a mean over heads and gene tokens; None without a decoder.

    `images` (S, C, H, W) are slices, each with what the network reads of its genes (S, G), or with the null token where
    there are none.
    """
    if not isinstance(network.decoder, MaskDecoder):
        return None
    count, device = len(images), images.device
    encoded = None if genes is None else network.encode(genes)
    has_genes = torch.full((count,), genes is not None, device=device)
    with _inputs_of(network.decoder.last_attention) as seen:
        network.decode(network.see(images), encoded, torch.arange(count, device=device), has_genes)
    query, key, _ = seen[0]
    return _weights(network.decoder.last_attention, query, key).mean((1, 2))


def _weights(layer: Attention, query: Tensor, key: Tensor) -> Tensor:
    """(S, K, D) and (S, T, D) to the weights (S, heads, K, T)."""
    q, k = (
        projection(x).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        for projection, x in ((layer.query, query), (layer.key, key))
    )
    return torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1)


@contextmanager
def _inputs_of(layer: Attention) -> Iterator[list[tuple[Tensor, ...]]]:
    """The inputs of each call of a layer."""
    seen: list[tuple[Tensor, ...]] = []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given))
    try:
        yield seen
    finally:
        hook.remove()
