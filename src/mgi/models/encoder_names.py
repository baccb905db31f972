"""Gene encoders by name: those built in, and what a plugin adds; nothing here needs torch, so a config can be checked.

A plugin's encoder is a block that mixes tokens, as the built-in ones are; tokens and pooling are those of the settings.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from mgi.core.errors import ConfigError
from mgi.core.section import refusal

BUILT_IN = ("mamba", "transformer", "mlp", "flat_mlp", "group_attention")
_ADDED: dict[str, Callable[[Any], Any]] = {}


def register_gene_encoder(name: str, make_block: Callable[[Any], Any]) -> None:
    """Make a gene encoder known to `model.gene_encoder`, from a file that the config lists under `plugins`.

    `make_block` takes the `ModelSettings` and returns an `nn.Module` from tokens (B, T, D) to tokens (B, T, D), where D
    is `gene_width`; `gene_depth` of them follow each other. The same name twice replaces it. Raises ConfigError where
    the name is that of a built-in encoder.

    >>> from torch import nn
    >>> register_gene_encoder("linear", lambda settings: nn.Linear(settings.gene_width, settings.gene_width))
    >>> settings = ModelSettings(size="tiny", gene_encoder="linear", gene_patch=4)
    >>> build_gene_encoder(settings, n_genes=10)(torch.zeros(2, 10)).shape
    torch.Size([2, 3, 16])
    """
    if name in BUILT_IN:
        raise ConfigError(f"plugins: gene encoder '{name}' is built in; give it another name")
    _ADDED[name] = make_block


def added_encoder(name: str) -> Callable[[Any], Any] | None:
    """What makes a block of a plugin's encoder; None for a built-in one."""
    return _ADDED.get(name)


def known_encoder(name: str) -> str:
    """The name, for a section's check, where there is such an encoder."""
    if name not in BUILT_IN and name not in _ADDED:
        known = ", ".join([*BUILT_IN, *sorted(_ADDED)])
        raise refusal("", json.dumps(name), f"one of {known}, or what a file of `plugins` (MGI_PLUGINS) registers")
    return name


def encoder_plugins(names: Iterable[str]) -> list[str]:
    """The modules of the plugins that registered some of these encoders: for a fingerprint of the code."""
    return sorted({str(_ADDED[name].__module__) for name in names if name in _ADDED})
