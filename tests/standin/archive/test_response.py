import json

from mgi_standin.archive.response import ChunkSink, RefusalError, Request, Response, json_response, text_response


def test_a_form_keeps_repeated_and_blank_keys():
    request = Request(method="POST", path="/", body=b"ids=1&ids=2&tarfile=")
    assert request.form() == [("ids", "1"), ("ids", "2"), ("tarfile", "")]


def test_a_sink_gives_every_byte_once():
    sink = ChunkSink()
    assert sink.write(b"ab") == 2
    sink.write(b"c")
    sink.flush()
    assert sink.drain() == b"abc"
    assert sink.drain() == b""


def test_responses_are_labelled():
    assert json.loads(json_response({"a": 1}, 400).body) == {"a": 1}
    assert json_response([]).headers == {"Content-Type": "application/json"}
    assert text_response("x", 400, "application/json").headers == {"Content-Type": "application/json"}


def test_a_refusal_carries_its_reply():
    assert RefusalError(Response(status=418)).response.status == 418
