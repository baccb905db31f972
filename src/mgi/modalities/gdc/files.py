"""The open files of one kind at the Genomic Data Commons, one a profile: listed, chosen, fetched and verified."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.core.files import md5_of
from mgi.core.receipt import forget, read_receipt, write_receipt
from mgi.http.download import Download, download
from mgi.http.gdc_search import all_hits, gdc_status
from mgi.http.service import Request, Service
from mgi.locks.item import Item, metadata
from mgi.locks.lock import Lock, check_lock
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing, check_origin
from mgi.modalities.gdc.aliquots import CONTROLLED, check_profile, choose_aliquots
from mgi.modalities.gdc.listing import (
    ENTITY_ID,
    annotations_by_case,
    annotations_query,
    case_of,
    check_file_count,
    file_row,
    files_query,
    optional_fields,
)
from mgi.modalities.gdc.preference import NORMAL, PRESERVATION
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.gdc.versions import FILE_ID, is_gone, same_bytes_elsewhere

# A body that is a little longer than announced is reported as such; one that does not end is cut off.
SLACK_BYTES = 1 << 20
_TOLD = ("file_name", "version", "first_release", PRESERVATION, ENTITY_ID, NORMAL)
_MD5 = re.compile(r"^[0-9a-f]{32}$")

Check = Callable[[Path, Item], None]
"""Reads a fetched file as the shard will; raises BadInputError where it cannot."""


@dataclass(frozen=True, kw_only=True)
class GdcFiles:
    """A project's files at the GDC; they lie at `files/<md5><suffix>`, so the name says which bytes are right.

    `expected_files` are the fewest and the most that a search may find; None takes any number but 0. With `check` an
    item whose content cannot serve is rejected with the reason, though its bytes are right.
    """

    query: GdcQuery
    service: Service
    project: str
    check: Check | None = None
    expected_files: tuple[int, ...] | None = None
    simulated: bool = False
    stores_bytes: bool = True

    def probe(self) -> str:
        """The data release that answers."""
        release, _ = gdc_status(self.service)
        token = "" if self.service.credential is None else " (a token is set and is sent)"
        return f"reachable, {release or 'release not stated'}, open files, no account needed{token}"

    def discover(self) -> Listing:
        """Every open file of the project with the annotations that concern it.

        Raises BadInputError where there is none.
        """
        release, says_simulated = gdc_status(self.service)
        query, modality = self.query, self.query.modality
        asked = files_query(self.project, query)
        hits = all_hits(self.service, "files", asked, id_field="file_id", optional=optional_fields(query))
        if not hits:
            raise BadInputError(
                f"GDC: no open {query.what} for project {self.project!r}; modalities.{modality}.project and all filter "
                f"values are case-sensitive (TCGA-LGG, {query.experimental_strategy}), and a name that the GDC has "
                f"changed gives 0 hits and no error ({query.workflow})"
            )
        notes = all_hits(self.service, "annotations", annotations_query(self.project), id_field="annotation_id")
        check_file_count(len(hits), self.expected_files, self.project, query)
        of_case = annotations_by_case(notes)
        rows = tuple(file_row(hit, of_case.get(case_of(hit), ()), query) for hit in hits)
        return Listing(rows=rows, release=release, simulated=self.simulated or says_simulated)

    def lock(self, listing: Listing) -> Lock:
        """One primary tumour per patient, with a reason for every file."""
        offers = [
            Item(
                **{name: row[name] for name in ("patient_id", "key", "size", "md5")},
                role=self.query.modality,
                sample=row["aliquot"],
                chosen=False,
                reason="" if row["access"] == "open" else CONTROLLED,
                metadata=metadata(**{name: row[name] for name in _TOLD}),
            )
            for row in listing.rows
        ]
        withdrawn = {row["key"]: row["annotation"] for row in listing.rows if row["annotation"] is not None}
        lock = Lock(
            modality=self.query.modality,
            source="gdc",
            collection=self.project,
            release=listing.release,
            simulated=listing.simulated,
            items=choose_aliquots(offers, lambda item: item.sample or "", withdrawn, listing.samples),
        )
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A file id and an MD5 become an address and a file name: nothing else than these may come out of a lock."""
        if not FILE_ID.fullmatch(item.key):
            raise BadInputError(f"items: key {item.key!r}, expected a file id (letters, digits, hyphens)")
        if not _MD5.match(item.md5 or ""):
            raise BadInputError(f"items: {item.key}: md5 {item.md5!r}, expected 32 hexadecimal digits")
        check_profile(item, self.query.modality)

    def check_lock(self, lock: Lock) -> None:
        """Refuse a simulated archive's lock for the real service and the reverse; files are checked one by one."""
        check_origin(lock, self.service, simulated=self.simulated)
        # Files are named by their digest, and two of one name would be written at once.
        names = [item.md5 for item in lock.chosen]
        if twice := sorted(str(name) for name, count in Counter(names).items() if count > 1):
            raise BadInputError(f"lock: two chosen files have md5 {twice[0]}: one patient's data twice; unchoose one")

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """The entry of a file whose bytes have the locked digest; a wrong one is left for `fetch` to replace."""
        path = folder / self.path_of(item)
        known = read_receipt(path, lambda known: md5_of(path) == known.get("md5"))
        if known is None:
            if not path.exists() or path.stat().st_size != item.size or md5_of(path) != item.md5:
                return None
            write_receipt(path, {"md5": item.md5})
            return self._entry(item, folder)
        is_locked = known.get("md5") == item.md5 and path.stat().st_size == item.size
        return self._entry(item, folder, known.get("fetched_as")) if is_locked else None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Download one file, resumed where a part is left, checked by size and md5.

        A superseded file that is no longer served comes under its new id where the bytes are the locked ones.
        """
        path = folder / self.path_of(item)
        forget(path)
        newer = None
        try:
            self._download(item, item.key, path)
        except NetworkError as refusal:
            if not is_gone(refusal):
                raise
            newer = self._fetch_newer(item, refusal, path)
        write_receipt(path, {"md5": item.md5} if newer is None else {"md5": item.md5, "fetched_as": newer})
        return self._entry(item, folder, newer)

    def _fetch_newer(self, item: Item, refusal: NetworkError, path: Path) -> str:
        """Bring the locked bytes under the id that superseded the locked one; return that id."""
        newer = same_bytes_elsewhere(self.service, item, refusal)
        try:
            self._download(item, newer, path)
        except (NetworkError, IntegrityError) as error:
            raise type(error)(f"{item.patient_id}: file {item.key} was superseded by {newer}; {error}") from None
        return newer

    def _download(self, item: Item, file_id: str, path: Path) -> None:
        download(
            self.service,
            Download(
                request=Request(path=f"data/{file_id}", label=f"file {file_id}"),
                target=path,
                size=item.size,
                md5=item.md5,
                max_bytes=item.size + SLACK_BYTES,
            ),
            lambda part: None,
        )

    def path_of(self, item: Item) -> str:
        """Where a file lies, below the folder of its modality."""
        return f"files/{item.md5}{self.query.suffix}"

    def _entry(self, item: Item, folder: Path, fetched_as: str | None = None) -> RawEntry:
        path, newer = folder / self.path_of(item), None if fetched_as == item.key else fetched_as
        return entry_of(
            item, path=path, size=item.size, md5=item.md5, fetched_as=newer, rejected=self._against(path, item)
        )

    def _against(self, path: Path, item: Item) -> str | None:
        """Why a file's content cannot serve, without the place, which differs between machines."""
        if self.check is None:
            return None
        try:
            self.check(path, item)
        except BadInputError as error:
            return str(error).removeprefix(f"{path}: ")
        return None
