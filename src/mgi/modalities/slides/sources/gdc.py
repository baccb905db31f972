"""The open slides of a project at the Genomic Data Commons: listed, chosen by name, fetched, and read once.

A slide has a gigabyte: it goes from the wire to the disk, and is read tile by tile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError
from mgi.http.gdc_search import all_hits, gdc_status
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing
from mgi.modalities.gdc.aliquots import ANNOTATED, CONTROLLED
from mgi.modalities.gdc.files import GdcFiles
from mgi.modalities.gdc.listing import annotations_by_case, annotations_query, case_of, check_file_count
from mgi.modalities.slides.choice import choose_slides
from mgi.modalities.slides.reader import require_openslide
from mgi.modalities.slides.slide_list import KEY as LIST_KEY
from mgi.modalities.slides.slide_list import read_slide_list
from mgi.modalities.slides.slide_names import FILE_NAME
from mgi.modalities.slides.sources.folder import NAMED, SLIDES, Inspect, stated_mpp
from mgi.modalities.slides.sources.gdc_listing import OPTIONAL, SLIDE_IMAGES, slide_row, slides_query

_TOLD = (FILE_NAME, "version", "first_release", "mpp")


@dataclass(frozen=True, kw_only=True)
class GdcSlides:
    """Slides that `files` brings to `files/<md5>.svs`; `inspect` reads one as the shard will."""

    files: GdcFiles
    inspect: Inspect
    slide_list: Path | None = None
    frozen: bool = False
    stores_bytes: bool = field(default=True, init=False)

    def probe(self) -> str:
        """How many slides the release that answers lists; raises BadInputError where there is none."""
        require_openslide(SLIDES)
        reached = self.files.probe()
        return f"{reached}, {len(self._hits())} slides"

    def discover(self) -> Listing:
        """Every open slide of the project with the annotations that concern it.

        Raises BadInputError where there is none: in 2021 all slides of TCGA were withdrawn for months.
        """
        require_openslide(SLIDES)
        service, project = self.files.service, self.files.project
        release, says_simulated = gdc_status(service)
        hits = self._hits()
        notes = all_hits(service, "annotations", annotations_query(project), id_field="annotation_id")
        of_case = annotations_by_case(notes)
        rows = [slide_row(hit, of_case.get(case_of(hit), ())) for hit in hits]
        listed = {} if self.slide_list is None else read_slide_list(self.slide_list)
        stated = {file: row.mpp for file, row in listed.items()}
        unknown = sorted(set(listed) - {row[FILE_NAME] for row in rows})
        said = f"{len(unknown)} rows of {LIST_KEY} name no slide: {', '.join(unknown[:NAMED])}"
        return Listing(
            rows=tuple({**row, "mpp": stated.get(row[FILE_NAME])} for row in rows),
            release=release,
            simulated=self.files.simulated or says_simulated,
            notes=(said,) if unknown else (),
        )

    def lock(self, listing: Listing) -> Lock:
        """One slide a patient, with a reason for each other one."""
        lock = Lock(
            modality=SLIDES,
            source="gdc",
            collection=self.files.project,
            release=listing.release,
            simulated=listing.simulated,
            items=choose_slides([_offered(row) for row in listing.rows], frozen=self.frozen),
        )
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A file id and an MD5 become an address and a file name: nothing else than these may come out of a lock."""
        self.files.check_item(item)

    def check_lock(self, lock: Lock) -> None:
        """Refuse a simulated archive's lock for the real service and the reverse; slides are checked one by one."""
        self.files.check_lock(lock)

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """The entry of a slide that is in place and right; its content is looked at again."""
        entry = self.files.verify(item, folder)
        return None if entry is None else self._inspected(item, entry)

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Download one slide, resumed where a part is left; one that cannot serve is rejected with the reason."""
        return self._inspected(item, self.files.fetch(item, folder))

    def _hits(self) -> list[Mapping[str, Any]]:
        """The open slides of the project, as many as are expected."""
        service, project = self.files.service, self.files.project
        hits = all_hits(service, "files", slides_query(project), id_field="file_id", optional=OPTIONAL)
        if not hits:
            raise BadInputError(
                f"GDC: no open slides for project {project!r}; modalities.slides.project and all filter values are "
                f"case-sensitive (TCGA-LGG, {SLIDE_IMAGES.data_type}), and slides were withdrawn before, for months: "
                "an earlier lock cannot be fetched then either"
            )
        check_file_count(len(hits), self.files.expected_files, project, SLIDE_IMAGES)
        return hits

    def _inspected(self, item: Item, entry: RawEntry) -> RawEntry:
        path = entry.verified_path()
        try:
            return replace(entry, metadata=self.inspect(path, stated_mpp(item)))
        except BadInputError as error:
            why = str(error).removeprefix(f"{path.name}: ")
            told = {name: getattr(entry, name) for name in ("path", "size", "md5", "fetched_as")}
            return entry_of(item, **told, rejected=why)


def _offered(row: Mapping[str, Any]) -> Item:
    """A slide as it is offered, before any choice; what speaks against it stands in its reason."""
    annotated = "" if row["annotation"] is None else f"{ANNOTATED}{row['annotation']}"
    return Item(
        **{name: row[name] for name in ("patient_id", "key", "size", "md5", "sample")},
        role=SLIDES,
        chosen=False,
        reason=annotated if row["access"] == "open" else CONTROLLED,
        metadata=metadata(**{name: row[name] for name in _TOLD}),
    )
