"""What the section `explain` may ask of the runs that the other sections make."""

from collections.abc import Mapping
from typing import Any

from mgi.core.errors import ConfigError
from mgi.explain.runs import asked_values, check_values
from mgi.explain.settings import OF_PRETRAINING
from mgi.training.settings import IMAGE_ALONE


def check_explain(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where the section asks for a value that no run has, or of genes that no loss reads."""
    if config["explain"] is None:
        return
    check_values(config)
    loss, unread = config["pretrain"]["loss"], set(OF_PRETRAINING) & set(asked_values(config))
    if loss in IMAGE_ALONE and unread:
        expected = f"values without {' and '.join(OF_PRETRAINING)}, since pretrain.loss {loss} reads no genes"
        raise ConfigError(f"explain.values: found {min(unread)}, expected {expected}")
