"""Slices, masks and genes of a fold as torch reads data, for networks of the user's own.

C channels, S pixels on a side, G genes.
"""

from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mgi.cohort.split import TEST, TRAIN, VALIDATION
from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.errors import ConfigError
from mgi.core.files import read_json
from mgi.core.run import prepared_table
from mgi.datasets.prepared_table import PreparedTable
from mgi.datasets.settings import PreparedSettings
from mgi.modalities.rna.normalise import read_fitted_genes
from mgi.modalities.rna.scaled_blocks import scaled_blocks
from mgi.shards.dataset_manifest import dataset_of
from mgi.shards.expression_shard import open_expression

ROLES = (TRAIN, VALIDATION, TEST)


class SliceItem(TypedDict):
    """One slice: `image` (C, S, S) standardised per volume, `mask` (1, S, S) with the share of each pixel that the
    tumour covers, `genes` (G,) of its patient as the fold scales them, and `patient`, the id.
    """

    image: Tensor
    mask: Tensor
    genes: Tensor
    patient: str


class SliceDataset(Dataset[SliceItem]):
    """The slices of all patients of a role (`train`, `validation` or `test`) in a fold of a results folder.

    They are the very slices, folds, genes and scaler that the networks of the results had. Slices stay on disk and are
    read one by one; genes are in memory. `DataLoader` makes batches of it as of any dataset.
    """

    def __init__(self, results: Path | str, fold: int = 0, role: str = TRAIN) -> None:
        """Raises BadInputError where a file of the results is missing or damaged, ConfigError for an unknown role."""
        if role not in ROLES:
            raise ConfigError(f"role: found {role}, expected one of {', '.join(ROLES)}")
        folder = Path(results)
        config = read_json(folder / "config.json")
        model = config["model"]
        self.patient_ids = patients_with_role(read_split(folder / "tables/split.parquet"), fold, role)
        settings = PreparedSettings(image_size=model["image_size"], image_crop=model["image_crop"])
        table = PreparedTable(folder / prepared_table(config), dataset_of(folder / "shards/flair"), settings)
        self._slices = table.slices(self.patient_ids, model["context_slices"])
        fitted, shard = (
            read_fitted_genes(folder / f"folds/{fold}/genes.parquet"),
            open_expression(folder / "shards/rna"),
        )
        self.gene_ids = fitted.gene_ids
        self._genes = torch.empty(len(self.patient_ids), len(self.gene_ids))
        rows = shard.rows_of(self.patient_ids)
        place = {row: number for number, row in enumerate(rows)}
        for block, scaled in scaled_blocks(shard, fitted, rows):
            for row, values in zip(block.tolist(), scaled, strict=True):
                self._genes[place[row]] = torch.from_numpy(values)

    def __len__(self) -> int:
        """The number of slices."""
        return len(self._slices.patient)

    def __getitem__(self, index: int) -> SliceItem:
        """One slice with its patient's genes."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        channels = self._slices.gather(torch.tensor([index]))[0]  # C+1 S S
        patient = int(self._slices.patient[index])
        return SliceItem(
            image=channels[:-1], mask=channels[-1:], genes=self._genes[patient], patient=self.patient_ids[patient]
        )
