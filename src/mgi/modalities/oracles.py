"""Class labels that are read off a modality: what a rule finds in a patient's data, and no pathologist has to say.

The module that a modality names as `oracles` has `labels_of(shard)`, which gives by label the class of each patient of
the shard, None where the data do not say.
"""

from collections.abc import Mapping
from importlib import import_module

from mgi.core.errors import BadInputError
from mgi.modalities.registry import modality
from mgi.shards.feature_shard import OpenFeatures

Classes = Mapping[str, Mapping[str, str | None]]
"""The class of each patient by the label's name; None where it is not known."""


def oracles_of(name: str, shard: OpenFeatures) -> Classes:
    """The labels that the room of a modality reads off its shard."""
    module = modality(name).oracles
    if module is None:
        raise BadInputError(f"modality {name}: no label is read off it, expected one whose room says how")
    found: Classes = import_module(module).labels_of(shard)
    return found
