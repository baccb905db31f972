import json

import pytest

from mgi.core.errors import NetworkError
from mgi.http.credentials import Token
from mgi.http.service import Request
from mgi.modalities.flair.sources.tcia_versions import versions_of

ASK = Request(path="getSeries", label="series")
V1, V2, V4 = (f"/services/{version}/getSeries" for version in ("v1", "v2", "v4"))


def at(stub, service_at, version="v4", **changes):
    return versions_of(service_at(f"{stub.url}/services/{version}", **changes))


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (410, 1), (500, 6), (503, 6)])
def test_the_first_version_answers_where_the_fourth_is_gone_or_fails_for_ever(stub, reply, service_at, status, asked):
    stub.script[V4] = [reply(status=status)]
    stub.script[V1] = [reply(body=b"[1]")]
    nbia = at(stub, service_at)
    assert nbia.ask(ASK) == ("v1", [1])
    assert stub.count(V4) == asked
    assert nbia.ask(ASK) == ("v1", [1])  # what answered is asked first from then on
    assert stub.count(V4) == asked


def test_a_passing_failure_does_not_change_the_version(stub, reply, service_at):
    stub.script[V4] = [reply(status=503), reply(body=b"[4]")]
    assert at(stub, service_at).ask(ASK) == ("v4", [4])
    assert stub.count(V1) == 0


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_not_a_reason_to_ask_another_version(stub, reply, service_at, status):
    stub.script[V4] = [reply(status=status, body=b"not granted")]
    with pytest.raises(NetworkError, match=f"HTTP {status}, not granted"):
        at(stub, service_at).ask(ASK)
    assert stub.count(V1) == 0


def test_where_no_version_answers_each_is_named(stub, reply, service_at):
    stub.script[V4], stub.script[V1] = [reply(status=404)], [reply(status=500)]
    with pytest.raises(NetworkError, match=r"v4: .*HTTP 404.*v1: .*HTTP 500 \(6 "):
        at(stub, service_at).ask(ASK)


def test_an_account_is_asked_for_through_the_second_version(stub, reply, service_at):
    stub.script[V2] = [reply(body=b"[2]")]
    nbia = at(stub, service_at, credential=Token(header="Authorization", prefix="Bearer ", secret="abc"))
    assert nbia.ask(ASK) == ("v2", [2])
    assert stub.seen[0][1]["Authorization"] == "Bearer abc"


def test_a_version_that_is_asked_for_by_name_is_the_only_one(stub, reply, service_at):
    stub.script[V1] = [reply(status=404)]
    with pytest.raises(NetworkError, match="HTTP 404"):
        at(stub, service_at, "v1").ask(ASK)
    assert [json.dumps(list(at(stub, service_at, name).services)) for name in ("v1", "api")] == ['["v1"]', '[""]']


def test_the_version_of_a_lock_is_asked_first(stub, reply, service_at):
    stub.script[V1] = [reply(body=b"[1]")]
    nbia = at(stub, service_at)
    nbia.prefer("v1")
    assert nbia.ask(ASK) == ("v1", [1])
    nbia.prefer("v9")
    nbia.prefer(None)
    assert nbia.ask(ASK)[0] == "v1"
    assert stub.count(V4) == 0
