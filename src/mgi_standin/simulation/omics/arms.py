"""Arms of simulated chromosomes, whose genes lie closer together than real ones: the two halves of each."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def centres_of(genes: pd.DataFrame) -> dict[str, float]:
    """Where each chromosome's long arm begins: half the largest start of a gene on it, in base pairs."""
    return {str(name): float(start) / 2 for name, start in genes.groupby("chromosome")["start"].max().items()}


def arms_of(table: pd.DataFrame, centres: dict[str, float]) -> NDArray[np.str_]:
    """The arm of each row (G,), such as `1p` and `19q`; a gene that starts at the centre is of the short arm."""
    names = [
        chromosome.removeprefix("chr") + ("p" if start <= centres[chromosome] else "q")
        for chromosome, start in zip(table["chromosome"], table["start"], strict=True)
    ]
    return np.array(names)
