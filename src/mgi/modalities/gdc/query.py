"""What a modality asks the GDC for: the values of a search, and what one file of it is of.

Source: GDC API users guide, "Search and Retrieval"; values are case-sensitive. One that the GDC does not know any more
gives 0 hits and no error: ASCAT2 became ASCAT3 in data release 38.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Entity = Literal["aliquot", "pair", "portion"]
"""What a file is of: one aliquot, a tumour's aliquot with its normal's, or a portion of a sample."""


@dataclass(frozen=True, kw_only=True)
class GdcQuery:
    """The open files of one kind.

    `what` is how messages call them, `suffix` the ending of a fetched file's name. `workflow_type` is None where the
    archive states none. `in_samples` says that an aliquot's barcode is read from the tree of portions below its sample;
    else the entities that the archive associates with a file name it.
    """

    modality: str
    what: str
    data_category: str
    data_type: str
    experimental_strategy: str
    workflow_type: str | None
    suffix: str
    entity: Entity = "aliquot"
    in_samples: bool = False

    @property
    def values(self) -> Mapping[str, str]:
        """The value of each field that is filtered by."""
        asked = {
            "data_category": self.data_category,
            "data_type": self.data_type,
            "experimental_strategy": self.experimental_strategy,
        }
        return asked if self.workflow_type is None else {**asked, "analysis.workflow_type": self.workflow_type}

    @property
    def workflow(self) -> str:
        """How messages name what could have been renamed."""
        if self.workflow_type is None:
            return f"data type {self.data_type!r}"
        return f"workflow {self.workflow_type!r}"
