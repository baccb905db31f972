"""The channels of the Kaggle archive's RGB slices beside FLAIR, and which of them a patient lacks.

Where a patient has no T1 before or after contrast, the archive has FLAIR in its place. Learned from, that would be
FLAIR under another name: such a channel is 0 here, and so after standardisation.
S slices, K channels beside FLAIR, H rows, W columns.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.shards.channels import CHANNELS, MAIN
from mgi.shards.grey_scale import require_scale

FLAIR_PLACE = CHANNELS.index(MAIN)
Colours = NDArray[np.uint8]


def others_in(
    slices: Sequence[Colours], channels: Sequence[str], where: str
) -> tuple[NDArray[np.uint8] | None, tuple[str, ...]]:
    """All `channels` but FLAIR (S, K, H, W) of RGB slices (H, W, 3), and a note of each that the patient lacks.

    None where FLAIR is the only one. Raises BadInputError naming a channel that shows no tissue.
    """
    names = [name for name in channels if name != MAIN]
    if not names:
        return None, ()
    flair = np.stack([one[..., FLAIR_PLACE] for one in slices])
    others, notes = np.zeros((len(slices), len(names), *flair.shape[1:]), np.uint8), []
    for place, name in enumerate(names):
        volume = np.stack([one[..., CHANNELS.index(name)] for one in slices])
        if np.array_equal(volume, flair):
            notes.append(f"channel {name}: is {MAIN} in every slice, so the patient lacks it: taken as 0")
            continue
        if volume.min() == volume.max():
            found, expected = f"every voxel is {volume.min()}", "an image, as the published archive has"
            raise BadInputError(f"{where}: channel {name}: {found}, expected {expected}; or ask for fewer channels")
        require_scale(volume, f"{where}: channel {name}")
        others[:, place] = volume
    return others, tuple(notes)
