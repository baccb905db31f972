"""Principal components of image vectors that mean the same in every fold, though each fold has a network of its own.

A patient's vector has to come from the network that never saw the patient. The axes of two networks have nothing in
common but what the images share, so components of several folds are not one variable before they are turned alike.

They are turned (orthogonal Procrustes, on the fold's training patients) to the components of a network that was never
trained: it holds no gene. A trained network as the target would hold the genes of the other folds' test patients, and
its axes would lean to what these genes happen to go with. Scans per fold, combined by inverse variance, would need the
same turn, and lose a degree of freedom for each covariate in each fold.

Letters: n patients, d numbers of a vector, c components.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FoldVectors:
    """Vectors of one fold's patients by its trained network: (n, d) of those it trained on, and of those it tests."""

    fold: int
    train: tuple[str, ...]
    train_vectors: Floats
    test: tuple[str, ...]
    test_vectors: Floats


@dataclass(frozen=True, kw_only=True)
class Components:
    """Of each test patient its fold and components (n, c), in deviations of the fold's training patients.

    `variance` (folds, c) is each component's share of the variance of the fold's training vectors. `agreement` (c,) is
    the mean correlation of a component between two folds over patients on whom both trained; NaN of one fold.
    """

    patients: tuple[str, ...]
    folds: NDArray[np.int64]
    values: Floats
    variance: Floats
    agreement: Floats


def components_of(
    folds: Sequence[FoldVectors], untrained: tuple[Sequence[str], Floats], n_components: int
) -> Components:
    """Components of the test patients of all folds.

    A fold's centre, axes and spread are those of its training patients by its own network. Where there are several
    folds, all are turned to the components of `untrained` vectors: patients, and (n, d) of them. So no gene of a test
    patient, of whichever fold, has a part in the patient's components.

    Raises BadInputError where there are more components than vectors span, or a patient is tested twice.
    """
    _require_tested_once(folds)
    target = None
    if len(folds) > 1:
        patients, vectors = untrained
        scores = _Axes.of(vectors, n_components, "untrained vectors").scores(vectors)
        target = dict(zip(patients, scores, strict=True))
    train, test, variance = [], [], []
    for one in folds:
        axes = _Axes.of(one.train_vectors, n_components, f"fold {one.fold}")
        trained, tested = (axes.scores(vectors) for vectors in (one.train_vectors, one.test_vectors))
        if target is not None:
            if absent := [patient for patient in one.train if patient not in target]:
                raise BadInputError(f"embeddings: fold {one.fold} trained on {absent[0]}, who has no untrained vector")
            turn = _turn(trained, np.stack([target[patient] for patient in one.train]))
            trained, tested = trained @ turn, tested @ turn
        spread = trained.std(axis=0)
        train.append(trained / spread)
        test.append(tested / spread)
        variance.append(spread**2 / axes.variance)
    order = sorted((patient, at) for at, patient in enumerate(p for one in folds for p in one.test))
    rows = [at for _, at in order]
    return Components(
        patients=tuple(patient for patient, _ in order),
        folds=np.concatenate([np.full(len(one.test), one.fold) for one in folds])[rows],
        values=np.concatenate(test)[rows],
        variance=np.stack(variance),
        agreement=_agreement(folds, train),
    )


@dataclass(frozen=True, kw_only=True)
class _Axes:
    """The principal axes (d, c) of vectors, the largest first, their centre (d,) and their variance in all."""

    centre: Floats
    axes: Floats
    variance: float

    @classmethod
    def of(cls, vectors: Floats, n_components: int, what: str) -> "_Axes":
        centre = vectors.mean(axis=0)
        _, lengths, axes = np.linalg.svd(vectors - centre, full_matrices=False)
        spanned = int((lengths > 1e-6 * max(lengths.max(initial=0), 1e-300)).sum())
        if spanned < n_components:
            raise BadInputError(
                f"components: found {n_components}, expected at most {spanned}, which {what} span ({len(vectors)} "
                f"patients, {vectors.shape[1]} numbers each)"
            )
        top = axes[:n_components]
        signs = np.sign(top[np.arange(n_components), np.abs(top).argmax(axis=1)])  # of the largest part: above 0
        return cls(centre=centre, axes=(top * signs[:, None]).T, variance=float((lengths**2).sum() / len(vectors)))

    def scores(self, vectors: Floats) -> Floats:
        found: Floats = (vectors - self.centre) @ self.axes
        return found


def _turn(scores: Floats, target: Floats) -> Floats:
    """The orthogonal matrix (c, c) that brings scores (n, c) nearest to a target (n, c) (Schoenemann 1966)."""
    left, _, right = np.linalg.svd(scores.T @ (target - target.mean(axis=0)))
    turn: Floats = left @ right
    return turn


def _agreement(folds: Sequence[FoldVectors], train: Sequence[Floats]) -> Floats:
    """Mean over pairs of folds of each component's correlation on the patients on whom both trained."""
    found = []
    for second in range(len(folds)):
        for first in range(second):
            at = {patient: row for row, patient in enumerate(folds[first].train)}
            shared = [(at[patient], row) for row, patient in enumerate(folds[second].train) if patient in at]
            if len(shared) > 2:
                one, other = (train[of][[pair[n] for pair in shared]] for n, of in enumerate((first, second)))
                one, other = ((each - each.mean(axis=0)) / each.std(axis=0) for each in (one, other))
                found.append((one * other).mean(axis=0))
    return np.mean(found, axis=0) if found else np.full(train[0].shape[1], np.nan)


def _require_tested_once(folds: Sequence[FoldVectors]) -> None:
    seen: dict[str, int] = {}
    for one in folds:
        for patient in one.test:
            if patient in seen:
                raise BadInputError(
                    f"embeddings: {patient} is tested in fold {seen[patient]} and {one.fold}, expected each in one"
                )
            seen[patient] = one.fold
