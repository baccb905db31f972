import json

import pytest

from mgi.core.errors import IntegrityError, NetworkError
from mgi.http.reply import MOST_VALUES, OverfullError, parsed
from mgi.http.service import Request


def test_a_reply_is_its_value():
    value = {"a": [1, -2.5, True, None, "ü", {"b": []}], "c": "x  y "}
    assert parsed(json.dumps(value).encode()) == value
    assert parsed(b"\xef\xbb\xbf" + json.dumps(value, ensure_ascii=False).encode()) == value
    assert parsed(b" \n") is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "1e999"),
        (b"[" + b"9" * 4001 + b"]", "4001 digits"),
        (b"[" + b"9" * 9000 + b"]", "9000 digits"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' twice"),
        (b'[{"b": {"a": 1, "a": 1}}]', "'a' twice"),
        (b'{"a\\u001b": 1, "a\\u001b": 2}', "x1b' twice"),
        (b'["\xe9"]', "UTF-8"),
        (b'["\xed\xa0\x80"]', "UTF-8"),
        ('["a"]'.encode("utf-16"), "UTF-8"),
        (b'["a\x00"]', "control character"),
        (b"[1,", "Expecting value"),
        (b"[1] x", "Extra data"),
    ],
)
def test_what_json_does_not_allow_or_no_service_means_is_refused_by_name(body, says):
    with pytest.raises(ValueError, match=says) as caught:
        parsed(body)
    assert str(caught.value).isprintable()


def test_texts_come_without_control_characters_and_can_be_written():
    body = rb'[{"a\u001b": "x\ud800y", "b": ["\u0000", ["\u202e"]], "c": "one\ntwo"}, "\u009b", [["\u0007"]]]'
    value = parsed(body)
    assert value == [{r"a\x1b": r"x\ud800y", "b": [r"\x00", [r"\u202e"]], "c": "one two"}, r"\x9b", [[r"\x07"]]]
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    assert parsed(rb'["\ud83d\ude00"]') == ["\U0001f600"]


def test_a_reply_that_would_fill_the_memory_is_refused_once(stub, reply, service_at):
    body = b"[" + b"{}," * (MOST_VALUES // 2) + b"{}]"
    with pytest.raises(OverfullError, match=str(MOST_VALUES)):
        parsed(body)
    stub.script["/thing"] = [reply(body=body)]
    with pytest.raises(IntegrityError, match=f"local archive: thing: .*{MOST_VALUES} values$"):
        service_at(stub.url).json(Request(path="thing", label="thing"))
    assert stub.count("/thing") == 1


def test_what_a_service_says_reaches_nobody_with_control_characters(stub, reply, service_at):
    service = service_at(stub.url)
    evil = "\x1b[2J\x1b]0;t\x07\u202e\x00 " + "x" * 5_000
    for path, script in {
        "refusal": reply(status=400, body=evil.encode()),
        "page": reply(body=b"{" + evil.encode()),
        "away": reply(status=302, headers={"Location": "http://\x1b[2J.org/"}),
        "v6": reply(status=302, headers={"Location": "http://[::1"}),
        "here": reply(status=302, headers={"Location": "/a\x1b[2J"}),
        "type": reply(body=b"[]", status=500, headers={"Retry-After": "\xb2"}),
        "many": reply(status=429, headers={"Retry-After": "9" * 4_000}),
    }.items():
        stub.script[f"/{path}"] = [script]
        with pytest.raises(NetworkError) as caught:
            service.json(Request(path=path, label=path))
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400
