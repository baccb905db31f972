"""Released models from Python: load one, and let it say something of a patient."""

from pathlib import Path

import torch

from mgi.release.ensemble import Model, load_model
from mgi.release.prediction import Prediction
from mgi.release.prediction import predict as predict_request
from mgi.release.request import PredictionRequest


def load_release(folder: Path | str) -> Model:
    """Read and check what `mgi release` wrote, of one run or of an ensemble.

    `simulated` tells whether it learned from patients who do not exist. Raises BadInputError where the folder is no
    release, and IntegrityError where a file of it was changed.
    """
    return load_model(Path(folder))


def predict(model: Model, asked: PredictionRequest | Path | str, device: str = "cpu") -> Prediction:
    """What a model says of a patient: `mask` and `probability` (slices, rows, columns), or `answer`; with `flags`.

    `asked` is the image, or a `PredictionRequest` with image, expression and options. `write` saves it as `mgi predict`
    does. Raises BadInputError where a file cannot be used, or where the image is far from those of training.
    """
    request = asked if isinstance(asked, PredictionRequest) else PredictionRequest(image=Path(asked))
    return predict_request(model, request, torch.device(device))
