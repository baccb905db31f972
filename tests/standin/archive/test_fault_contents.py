import hashlib
import io
import json
import zipfile

import pytest

from mgi_standin.archive import fault_contents
from mgi_standin.archive.response import Request, Response, json_response

ASK = Request(method="GET", path="/")
IMAGES = {f"{number}.dcm": bytes([number]) * 100 for number in (3, 1, 2)}
HITS = [{"id": 1, "md5sum": "a"}, {"id": 2, "md5sum": "b"}, {"id": 3, "md5sum": "c"}]


def series(request):
    rows = [f"{name},{hashlib.md5(content).hexdigest()}" for name, content in IMAGES.items()]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in {"LICENSE": b"free", **IMAGES}.items():
            archive.writestr(name, content)
        archive.writestr("md5hashes.csv", "\n".join(["Filename,MD5Hash", *rows]) + "\n")
    return Response(body=iter([target.getvalue()]))


def members(name, value=None):
    """The members of the zip that a fault sends; a bad CRC raises."""
    with zipfile.ZipFile(io.BytesIO(b"".join(getattr(fault_contents, name)(series, ASK, value).body))) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def plain(request):
    return Response(headers={"Content-MD5": "x", "Content-Length": "6"}, body=iter([b"a1", b"b9c0"]))


def gdc(request):
    return json_response({"data": {"hits": HITS, "pagination": {"total": 3}}, "warnings": {}})


def listed(name, value):
    reply = json.loads(getattr(fault_contents, name)(gdc, ASK, value).body)
    rows = json.loads(getattr(fault_contents, name)(lambda request: json_response(HITS), ASK, value).body)
    assert rows == reply["data"]["hits"]
    assert reply["data"]["pagination"]["total"] == 3
    return rows


def test_wrong_bytes_are_as_many_and_one_differs():
    assert fault_contents.wrong_bytes(plain, ASK, 0.5).body == b"a1b\xc6c0"
    assert fault_contents.wrong_bytes(plain, ASK, 1.0).body == b"a1b9c\xcf"


def test_a_truncated_body_is_short_by_a_byte_at_least():
    assert fault_contents.truncated(plain, ASK, 0.5).body == b"a1b"
    assert fault_contents.truncated(plain, ASK, 1.0).body == b"a1b9c"


def test_another_version_has_the_same_length_and_no_digest():
    reply = fault_contents.other_version(plain, ASK, None)
    assert reply.body == b"a2b0c1"
    assert "Content-MD5" not in reply.headers


def test_a_stream_stays_a_stream():
    assert not isinstance(fault_contents.truncated(series, ASK, 0.5).body, bytes)


@pytest.mark.parametrize(("position", "name"), [(0, "LICENSE"), (2, "1.dcm")])
def test_the_crc_of_one_member_is_broken(position, name):
    with zipfile.ZipFile(io.BytesIO(b"".join(fault_contents.member_crc(series, ASK, position).body))) as archive:
        assert archive.testzip() == name


def test_slices_go_missing_from_the_end_with_the_digests():
    assert list(members("missing_slices", 2)) == ["LICENSE", "3.dcm"]
    assert list(members("no_digests")) == ["LICENSE", *IMAGES]


def test_the_last_slice_is_short_under_a_valid_crc():
    found = members("short_slice", 0.5)
    assert (found["2.dcm"], len(found["1.dcm"])) == (IMAGES["2.dcm"][:50], 100)
    assert "md5hashes.csv" not in found


def test_the_digest_of_the_first_image_is_wrong():
    rows = members("other_digest")["md5hashes.csv"].decode().splitlines()
    assert rows[1] == "3.dcm," + "0" * 32
    assert rows[2] == "1.dcm," + hashlib.md5(IMAGES["1.dcm"]).hexdigest()


def test_other_images_come_with_their_own_digests():
    found = members("other_images")
    rows = dict(row.split(",") for row in found["md5hashes.csv"].decode().splitlines())
    for name, content in IMAGES.items():
        assert found[name] != content
        assert rows[name] == hashlib.md5(found[name]).hexdigest()


def test_a_member_gets_the_name_it_is_given():
    assert list(members("hostile_member", "../x.dcm")) == ["LICENSE", "../x.dcm", "1.dcm", "2.dcm", "md5hashes.csv"]


def test_rows_are_repeated_added_lost_and_changed():
    assert listed("repeat_row", 0) == [HITS[0], HITS[0], HITS[2]]
    assert listed("add_row", 1) == [*HITS, HITS[1]]
    assert listed("lose_row", 1) == [HITS[0], HITS[2]]
    assert listed("set_field", "md5sum=../x") == [{"id": 1, "md5sum": "../x"}, *HITS[1:]]


def test_the_total_lies():
    assert json.loads(fault_contents.total(gdc, ASK, -1).body)["data"]["pagination"]["total"] == 2


def test_a_field_is_gone_with_a_warning():
    reply = json.loads(fault_contents.warn(gdc, ASK, "md5sum").body)
    assert reply["data"]["hits"] == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert reply["warnings"] == {"fields": "unrecognized values: [md5sum]"}
