"""The GENCODE annotation, which is one open file of the GDC."""

from pathlib import Path

from mgi.core.errors import IntegrityError, NetworkError
from mgi.core.files import md5_of
from mgi.http.download import Download, download
from mgi.http.retry import TransientError
from mgi.http.service import Request, Service

MAX_BYTES, ABOUT_BYTES = 1 << 30, 50_000_000  # v36 has 44.5 MB
_GZIP = b"\x1f\x8b"


def fetch_gtf(service: Service, file_id: str, md5: str, target: Path) -> bool:
    """Bring the annotation into place unless it is there with its digest; whether anything was fetched.

    Raises NetworkError where the service does not have it, IntegrityError where it keeps sending other bytes.
    """
    if target.is_file() and md5_of(target) == md5:
        return False
    request = Request(path=f"data/{file_id}", label=f"annotation {file_id}")
    wanted = Download(request=request, target=target, size=None, about=ABOUT_BYTES, max_bytes=MAX_BYTES, magic=_GZIP)

    def check(part: Path) -> None:
        if (found := md5_of(part)) != md5:
            said = f"modalities.rna.fit.gtf.md5 says {md5}"
            raise TransientError(IntegrityError(f"annotation {file_id}: got md5 {found}, {said}"))

    download(service, wanted, check)
    return True


def stated_md5(service: Service, file_id: str) -> str:
    """What the service itself gives as the file's MD5."""
    reply = service.json(Request(path=f"files/versions/{file_id}", label=f"versions of {file_id}"))
    row = reply[0] if isinstance(reply, list) and reply else {}
    md5 = row.get("md5") if isinstance(row, dict) and row.get("id") == file_id else None
    if not isinstance(md5, str):
        raise NetworkError(f"{service.name}: versions of {file_id}: no md5 in the answer")
    return md5
