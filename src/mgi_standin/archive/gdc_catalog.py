"""Every file id that the GDC ever gave out, superseded ones included: versions, history, manifest."""

from dataclasses import dataclass
from typing import Any

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.response import Response, attachment, json_response, refusal, tsv

# A real manifest of the portal holds "validated" here, whatever state a search tells.
_MANIFEST_STATE = "validated"


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One version of one file; `latest_id` is its own id unless it was superseded. `size` is in bytes."""

    file_id: str
    latest_id: str
    name: str
    md5: str
    size: int
    version: str
    state: str
    release: str
    release_date: str | None
    controlled: bool

    @property
    def superseded(self) -> bool:
        """Whether a later version took its place."""
        return self.file_id != self.latest_id


Catalog = dict[str, StoredFile]


def catalog_of(archive: Archive) -> Catalog:
    """Join the searchable files with the table of versions; a superseded file has the access of its latest."""
    access = {hit["file_id"]: hit.get("access") for hit in archive.files}
    searchable = [_stored(hit, access) for hit in archive.files]
    versions = [_stored({**row, "file_id": row["id"]}, access) for row in archive.versions]
    # The table of versions knows the exact release of a file; a search only a range of them.
    return {file.file_id: file for file in (*searchable, *versions)}


def _stored(row: Row, access: dict[str, Any]) -> StoredFile:
    latest_id = row.get("latest_id") or row["file_id"]
    release = str(row.get("release") or row.get("data_release") or "")
    return StoredFile(
        file_id=row["file_id"],
        latest_id=latest_id,
        name=row["file_name"],
        md5=row["md5sum"],
        size=int(row["file_size"]),
        version=str(row.get("version", "1")),
        state=row.get("state") or "released",
        release=release.split(" - ")[0],
        release_date=row.get("release_date"),
        controlled=(row.get("access") or access.get(latest_id)) == "controlled",
    )


def versions_response(catalog: Catalog, ids: list[str]) -> Response:
    """Reply with a bare array that tells the latest version of each id; ids that nobody knows are left out."""
    known = [catalog[file_id] for file_id in ids if file_id in catalog]
    if ids and not known:
        raise refusal(f"{', '.join(ids)} not found", 404)
    return json_response([_version_row(file, catalog.get(file.latest_id, file)) for file in known])


def _version_row(file: StoredFile, latest: StoredFile) -> dict[str, Any]:
    return {
        "id": file.file_id,
        **_facts(file),
        "release": file.release,
        "latest_id": latest.file_id,
        **{f"latest_{name}": value for name, value in _facts(latest).items()},
        "latest_release": [latest.release],
    }


def _facts(file: StoredFile) -> dict[str, Any]:
    return {"filename": file.name, "version": file.version, "md5": file.md5, "size": file.size, "state": file.state}


def history_response(catalog: Catalog, file_id: str) -> Response:
    """Reply with all versions of the file that an id belongs to, oldest first."""
    if file_id not in catalog:
        raise refusal(f"{file_id} not found", 404)
    latest_id = catalog[file_id].latest_id
    chain = [file for file in catalog.values() if file.latest_id == latest_id]
    chain.sort(key=lambda file: (file.superseded is False, len(file.version), file.version))
    rows = [
        {
            "uuid": file.file_id,
            "version": file.version,
            "file_change": "superseded" if file.superseded else "released",
            "release_date": file.release_date,
            "data_release": file.release,
        }
        for file in chain
    ]
    return json_response(rows)


def asked_files(catalog: Catalog, ids: list[str]) -> list[StoredFile]:
    """Look up ids in the order asked; raises RefusalError: 400 for none, 404 for an unknown one."""
    if not ids:
        raise refusal("no ids given")
    unknown = [file_id for file_id in ids if file_id not in catalog]
    if unknown:
        raise refusal(f"{', '.join(unknown)} not found", 404)
    return [catalog[file_id] for file_id in dict.fromkeys(ids)]


def manifest_of(files: list[StoredFile]) -> bytes:
    """Write the manifest of the portal; its file names carry the id as a folder."""
    rows = ((file.file_id, f"{file.file_id}/{file.name}", file.md5, file.size, _MANIFEST_STATE) for file in files)
    return tsv(("id", "filename", "md5", "size", "state"), rows)


def manifest_response(files: list[StoredFile]) -> Response:
    """Reply with a manifest as an attachment."""
    return attachment(manifest_of(files), "gdc_manifest.txt", "text/tab-separated-values")
