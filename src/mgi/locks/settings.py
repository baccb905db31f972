"""What every modality lets a user choose about finding and fetching its files."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from mgi.core.errors import ConfigError
from mgi.core.section import Section, UserPath, refusal, unit
from mgi.core.section_errors import shown
from mgi.http.address import refuse_open_wire


def _asked(address: str) -> str:
    try:
        refuse_open_wire(address)
    except ConfigError as error:
        found, _, expected = str(error).removeprefix("base_url: ").rpartition(", expected ")
        raise refusal("", found.removeprefix("found "), expected) from None
    return address


Address = Annotated[str, AfterValidator(_asked)]
"""Where a service is asked: https, or http on this machine."""


class FetchSettings(Section):
    """How files are pinned and how they are shared out among jobs, whatever they hold."""

    default_run: ClassVar[Mapping[str, Any] | None] = None
    """What the default run says beyond the class's own defaults; None where that run has no such modality."""
    first_cohort_only: ClassVar[tuple[str, ...]] = ()
    """Keys that another archive's section does not take: what they say is fitted on the first cohort."""
    read_by: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The sources that read a key, where not all of them do; with another source it must stay at its default."""
    source: str
    """Where the files come from."""
    lock: UserPath | None = None
    """Path of a lock from an earlier run: the same files again, and no search."""
    batches: Annotated[int, Field(ge=1, le=1000)] = 4
    """Jobs among which the files are shared; an image shard has as many parts."""
    threads: Annotated[int, Field(ge=1, le=16)] = 4
    """Files under way at once in a job."""
    retry_base_s: Annotated[float, Field(ge=0, le=60), unit("s")] = 1.0
    """Upper bound of the first pause between attempts, which doubles, up to 60 s."""

    @model_validator(mode="after")
    def _source_reads_what_is_given(self) -> Self:
        """A key that the source would ignore was meant for another source, or the source is not the one meant."""
        for key, sources in self.read_by.items():
            if self.source not in sources and key in self.model_fields_set and not self._is_default(key):
                by_default = "" if "source" in self.model_fields_set else " (the default)"
                raise refusal(
                    key,
                    shown(getattr(self, key)),
                    f"{shown(type(self).model_fields[key].get_default())}, since only source {' or '.join(sources)} "
                    f"reads it and source is {self.source}{by_default}",
                )
        return self

    def _is_default(self, key: str) -> bool:
        """Whether a key is as nobody gave it: config.yaml, which every config is laid over, names all of them."""
        usual = [type(self).model_fields[key].get_default(), *filter(None, [(self.default_run or {}).get(key)])]
        return getattr(self, key) in usual
