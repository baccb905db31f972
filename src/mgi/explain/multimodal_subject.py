"""The answers of a network that reads several modalities, of the numbers of all of them side by side.

P patients, R references, N points on a path, F numbers of all modalities, C channels, H W pixels, D common width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mgi.explain.answers import Reading, as_measured
from mgi.explain.integrated_gradients import AT_ONCE, Answer
from mgi.explain.settings import CONTRAST, SIMILARITY
from mgi.models.multimodal import MultimodalEncoder

Choice = Callable[[str, Tensor], Tensor]
"""From a modality's name and its unit vectors (N, D) to a number for each (N,)."""


@dataclass(frozen=True)
class Layout:
    """Where the numbers of each modality stand among F, and which modalities each of P patients has."""

    spans: Mapping[str, slice]
    has: Sequence[Sequence[str]]


def reading_of(layout: Layout, patient: int, order: Sequence[str], read: Mapping[str, Reading]) -> Reading:
    """What a fine-tuned network reads of a patient's numbers (N, F): its modalities in its `order`, NaN of one that the
    patient lacks; `read` as in `MultimodalSubject`."""
    has = layout.has[patient]

    def reading(numbers: Tensor) -> Tensor:
        parts = []
        for name in order:
            own = numbers[:, layout.spans[name]]
            parts.append(read.get(name, as_measured)(own) if name in has else torch.full_like(own, torch.nan))
        return torch.cat(parts, 1)

    return reading


class MultimodalSubject:
    """Similarity and contrast of patients' images (P, C, H, W), each a mean over the modalities that a patient has.

    `temperatures` has the one of each contrast, `read` what the network reads of a modality's measured numbers. One
    that is missing is not encoded. The mean weighs all alike, as ContIG's does (arXiv:2111.13424).
    """

    def __init__(
        self,
        encoders: MultimodalEncoder,
        images: Tensor,
        references: Tensor,
        *,
        values: Sequence[str],
        layout: Layout,
        temperatures: Mapping[str, float],
        read: Mapping[str, Reading],
    ) -> None:
        self._encoders, self._values, self._layout = encoders, values, layout
        self._temperatures, self._read = temperatures, read
        with torch.no_grad():
            self._images, self._references = encoders.image_vectors(images), encoders.image_vectors(references)

    def answers(self, patient: int) -> dict[str, Answer]:
        """Those that are asked for; none of a patient without any of the modalities."""
        own = self._layout.has[patient]
        if not own:
            return {}
        image = self._images[patient]
        candidates = torch.cat([image.unsqueeze(0), self._references]).T  # D 1+R

        def chosen(name: str, vectors: Tensor) -> Tensor:
            return torch.log_softmax(vectors @ candidates / self._temperatures[name], 1)[:, 0]

        found: dict[str, Choice] = {CONTRAST: chosen, SIMILARITY: lambda _, vectors: vectors @ image}
        return {value: self._mean(own, choice) for value, choice in found.items() if value in self._values}

    def at_once(self, patient: int) -> int:
        """Tables of numbers alone are encoded."""
        return AT_ONCE

    def _mean(self, names: Sequence[str], choice: Choice) -> Answer:
        def answer(numbers: Tensor) -> Tensor:  # N F
            parts = [choice(name, self._encoders.of(name)(self._seen(name, numbers))) for name in names]
            return torch.stack(parts).mean(0)

        return answer

    def _seen(self, name: str, numbers: Tensor) -> Tensor:
        own = numbers[:, self._layout.spans[name]]
        return self._read[name](own) if name in self._read else own
