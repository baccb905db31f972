"""An encoder of tiles whose network is timm's and whose weights lie in a file of the user's. Nothing is downloaded."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError, IntegrityError, ResourceError
from mgi.core.files import sha256_of

try:
    from mgi.models.torchvision_ops import allow_torchvision_without_cuda

    allow_torchvision_without_cuda()
    import timm
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
except ImportError:  # of the extra for training; TimmEncoder says what to install
    timm = None

BATCH = 16
_PREFIX = "timm:"
_HEADS = ("head.", "fc.", "classifier.", "head_dist.")  # of a classifier that is not used


class TimmEncoder:
    """The pooled features of a network without its classifier.

    Where the network `resizes`, a tile is brought to the size that it reads, as its publisher does. Else a tile must
    have that size where the network knows but one. Raises what encoders.open_encoder says.
    """

    def __init__(
        self,
        name: str,
        weights: Path,
        *,
        sha256: str,
        px: int,
        resizes: bool,
        pixels: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
    ) -> None:
        if timm is None:
            raise ResourceError(f"modalities.slides.encoder: {name}: timm is not installed; pip install timm torch")
        model = name.removeprefix(_PREFIX)
        if model not in timm.list_models():
            raise ConfigError(f"modalities.slides.encoder: found {name}, expected a model of timm {timm.__version__}")
        self.name, self.weights_sha256 = name, _verified(weights, sha256)
        self._network = timm.create_model(model, pretrained=False, num_classes=0).eval()
        self.width = int(self._network.num_features)
        _load(self._network, weights)
        config = self._network.default_cfg
        reads = int(config["input_size"][-1])
        if px != reads and not resizes and config.get("fixed_input_size"):
            raise ConfigError(f"modalities.slides.tile_px: found {px}, expected {reads}, which {name} reads")
        self._side = reads if resizes else px
        mean, spread = pixels or (config["mean"], config["std"])
        self._mean, self._sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, spread))

    def embed(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (n, px, px, 3) as vectors (n, width)."""
        parts = [self._embed(tiles[start : start + BATCH]) for start in range(0, len(tiles), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self.width), np.float32)

    def _embed(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            images = torch.from_numpy(np.ascontiguousarray(tiles)).permute(0, 3, 1, 2).float() / 255
            if images.shape[-1] != self._side:
                images = torch.nn.functional.interpolate(images, size=self._side, mode="bilinear", antialias=True)
            found = self._network((images - self._mean) / self._sd)
        return np.asarray(found.numpy(), np.float32)


def _verified(weights: Path, expected: str) -> str:
    if not weights.is_file():
        raise ConfigError(f"modalities.slides.weights: found {weights}, expected a file")
    if weights.suffix != ".safetensors":
        raise BadInputError(f"{weights}: expected .safetensors; other formats are pickles, which can run any code")
    if (found := sha256_of(weights)) != expected:
        raise IntegrityError(f"{weights}: sha256 {found}, expected {expected} as in modalities.slides.weights_sha256")
    return expected


def _load(network: "torch.nn.Module", weights: Path) -> None:
    """Put the weights into the network; those of a classifier are left out, all others must be there and fit."""
    try:
        state = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise BadInputError(f"{weights}: not safetensors ({error})") from None
    own = network.state_dict()
    missing = sorted(own.keys() - state.keys())
    strange = sorted(name for name in state.keys() - own.keys() if not name.startswith(_HEADS))
    other = sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
    for what, names in (("missing", missing), ("not of this network", strange), ("of another shape", other)):
        if names:
            raise BadInputError(
                f"{weights}: {names[0]}: {what} ({len(names)} such), expected the network's own weights"
            )
    network.load_state_dict({name: state[name] for name in own})
