"""The zip of one series as the NBIA server streams it: licence first, database order, digests last.

Like the server, a failure ends the zip where it stands and closes it properly: the reader gets status 200 and a
valid zip with fewer images and no digests.
"""

import zipfile
from collections.abc import Iterator
from typing import IO, cast

from mgi_standin.archive.folder import Archive, Row
from mgi_standin.archive.response import ChunkSink


def series_zip(archive: Archive, series: Row, *, new_names: bool, with_md5: bool) -> Iterator[bytes]:
    """Yield the bytes of the zip, an image at a time; members carry data descriptors, as no length is known ahead."""
    sink = ChunkSink()
    # The sink cannot seek, so zipfile leaves the sizes to data descriptors, as Java's ZipOutputStream does.
    with zipfile.ZipFile(cast(IO[bytes], sink), "w") as target:
        for name, content in _members(archive, series, new_names=new_names, with_md5=with_md5):
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, content, compresslevel=1)
            yield sink.drain()
    yield sink.drain()


def _members(archive: Archive, series: Row, *, new_names: bool, with_md5: bool) -> Iterator[tuple[str, bytes]]:
    yield "LICENSE", _licence_text(series).encode()
    uid = series["SeriesInstanceUID"]
    digests = ["Filename,MD5Hash"]
    for image in archive.instances(uid):
        path = archive.image_path(uid, image["file"])
        # Acquisition and instance, zero padded; the stored name's number stands in for the instance.
        name = f"1-{int(path.stem):03d}{path.suffix}" if new_names else path.name
        if not path.is_file():
            return
        yield name, path.read_bytes()
        if with_md5 and image["md5"] is None:
            return
        digests.append(f"{name},{image['md5']}")
    if with_md5:
        yield "md5hashes.csv", "".join(line + "\n" for line in digests).encode()


def _licence_text(series: Row) -> str:
    return (
        f"Collection: {series.get('Collection')}\n"
        f"License: {series.get('LicenseName')}\n"
        f"License URL: {series.get('LicenseURI')}\n"
        f"Data description: {series.get('DataDescriptionURI')}\n"
    )
