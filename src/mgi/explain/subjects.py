"""What is explained of each patient: its answers by name, for a network that has learned or one of random weights.

P patients, R references, S slices, C channels, H W pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from torch import Tensor

from mgi.explain.answers import (
    HeadAnswer,
    MaskAnswer,
    Reading,
    contrast_answer,
    image_vectors,
    similarity_answer,
)
from mgi.explain.integrated_gradients import AT_ONCE, Answer
from mgi.explain.settings import CONTRAST, HEAD, MASK, SIMILARITY
from mgi.models.mgi import MGI, DualEncoder
from mgi.models.patient_network import PatientNetwork


class Subject(Protocol):
    """A network's answers, patient by patient."""

    def answers(self, patient: int) -> Mapping[str, Answer]:
        """The answers of this patient by the value's name; none where there is nothing to explain."""

    def at_once(self, patient: int) -> int:
        """Points of a path that fit in memory together."""


class PretrainingSubject:
    """Similarity and contrast of patients' images (P, C, H, W), the latter among reference images (R, C, H, W)."""

    def __init__(
        self,
        encoders: DualEncoder,
        images: Tensor,
        references: Tensor,
        *,
        values: Sequence[str],
        temperature: float,
        read: Reading,
    ) -> None:
        self._encoders, self._values, self._temperature, self._read = encoders, values, temperature, read
        self._images, self._references = image_vectors(encoders, images), image_vectors(encoders, references)

    def answers(self, patient: int) -> dict[str, Answer]:
        """Those that are asked for."""
        image = self._images[patient]
        found = {
            CONTRAST: contrast_answer(self._encoders, image, self._references, self._temperature, self._read),
            SIMILARITY: similarity_answer(self._encoders, image, self._read),
        }
        return {name: answer for name, answer in found.items() if name in self._values}

    def at_once(self, patient: int) -> int:
        """Genes alone are encoded."""
        return AT_ONCE


class MaskSubject:
    """Summed probability within a mask: slices (S, C, H, W) and mask (S, 1, H, W) of each patient, None without one.

    `read` says what the network reads of each patient's numbers, None of one who has none of its modalities.
    """

    def __init__(
        self,
        network: MGI,
        shown: Sequence[tuple[Tensor, Tensor] | None],
        read: Callable[[int], Reading | None],
    ) -> None:
        self._network, self._shown, self._read = network, shown, read

    def answers(self, patient: int) -> dict[str, Answer]:
        """None where no pixel was predicted to be tumour, or where there is nothing to read."""
        shown, read = self._shown[patient], self._read(patient)
        return {} if shown is None or read is None else {MASK: MaskAnswer(self._network, *shown, read)}

    def at_once(self, patient: int) -> int:
        """Every slice is decoded for every point."""
        shown = self._shown[patient]
        return AT_ONCE if shown is None else max(1, AT_ONCE // len(shown[0]))


class HeadSubject:
    """A number of what a network says of each patient and its slices (S, C, H, W); `numbers` make it of (N, K).

    `read` as in `MaskSubject`.
    """

    def __init__(
        self,
        network: PatientNetwork,
        images: Callable[[int], Tensor],
        numbers: Sequence[Callable[[Tensor], Tensor]],
        read: Callable[[int], Reading | None],
    ) -> None:
        self._network, self._images, self._numbers, self._read = network, images, numbers, read

    def answers(self, patient: int) -> dict[str, Answer]:
        """That number; none where there is nothing to read."""
        read = self._read(patient)
        if read is None:
            return {}
        return {HEAD: HeadAnswer(self._network, self._images(patient), self._numbers[patient], read)}

    def at_once(self, patient: int) -> int:
        """The head alone sees every slice at every point."""
        return AT_ONCE
