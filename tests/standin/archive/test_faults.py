import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from mgi_standin.archive.faults import FAULTS, Rule, catalogue, read_rules, with_faults
from mgi_standin.archive.response import Request, Response, text_response
from mgi_standin.archive.server import listen
from mgi_standin.errors import BadInputError


def echo(request):
    return text_response(request.path)


def statuses(rules, *requests):
    answer = with_faults(echo, rules)
    return [answer(request).status for request in requests]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("all", [503, 503, 503, 503]),
        ("first 2", [503, 503, 200, 200]),
        ("only 3", [200, 200, 503, 200]),
        ("from 2", [200, 503, 503, 503]),
    ],
)
def test_calls_are_counted_from_one(calls, expected):
    rules = [Rule(path="^/a$", fault="status", value=503, calls=calls)]
    assert statuses(rules, *[Request(method="GET", path="/a")] * 4) == expected


def test_only_calls_that_match_path_query_and_method_count():
    rules = [Rule(path=r"^/a\?id=1$", fault="status", value=503, method="POST", calls="only 2")]
    hit = Request(method="POST", path="/a", query=(("id", "1"),))
    others = (
        Request(method="GET", path="/a", query=(("id", "1"),)),
        Request(method="POST", path="/a", query=(("id", "2"),)),
        Request(method="POST", path="/b"),
    )
    assert statuses(rules, hit, *others, hit, hit) == [200, 200, 200, 200, 503, 200]


def test_rules_of_one_call_add_up_and_the_last_is_the_innermost():
    rules = [
        Rule(path="/", fault="etag", value="v2"),
        Rule(path="/", fault="truncated", value=0.5),
        Rule(path="/", fault="other-version", calls="first 1"),
    ]
    answer = with_faults(lambda request: Response(body=b"1111"), rules)
    first, second = answer(Request(method="GET", path="/")), answer(Request(method="GET", path="/"))
    assert (first.body, first.headers["ETag"]) == (b"22", '"v2"')
    assert second.body == b"11"


def test_a_rule_counts_calls_that_another_rule_answers():
    rules = [Rule(path="/", fault="status", value=500, calls="first 1"), Rule(path="/", fault="empty", calls="only 2")]
    answer = with_faults(echo, rules)
    assert [answer(Request(method="GET", path="/x")).body[:2] for _ in range(3)] == [b"<!", b"", b"/x"]


def test_calls_at_the_same_time_are_counted_once_each():
    rules = [Rule(path="/", fault="status", value=503, calls="first 20")]
    with listen(with_faults(echo, rules)) as service, ThreadPoolExecutor(8) as pool:
        closing = {"Connection": "close"}
        replies = pool.map(lambda _: requests.get(service.url, timeout=20, headers=closing), range(50))
        found = [reply.status_code for reply in replies]
    assert sorted(found) == [200] * 30 + [503] * 20


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"fault": "dorp"}, "fault: .*'dorp'.* add-row, "),
        ({"fault": "drop"}, r"value: .*drop .*None.*\(float\)"),
        ({"fault": "status", "value": "503"}, r"value: .*status .*'503'.*\(int\)"),
        ({"fault": "page", "value": 1}, "value: .*page .* 1.*none"),
        ({"fault": "page", "calls": "twice"}, "calls: .*'twice'.*first N"),
        ({"fault": "page", "calls": "first 0"}, "calls: .*'first 0'.*first N"),
        ({"fault": "page", "path": "("}, r"path: '\('"),
        ({"fault": "page", "path": 3}, r"path: 3 "),
        ({"fault": "page", "calls": 3}, "calls: .*3.*first N"),
        ({"fault": "page", "nth": 3}, "'nth': 3.*path, fault and .*calls"),
        ({"path": "/"}, r"rule 2: .*\{'path': '/'\}"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_named_with_its_file(tmp_path, rule, said):
    path = tmp_path / "rules.json"
    row = rule if "fault" not in rule else {"path": "/", **rule}
    path.write_text(json.dumps([{"path": "/", "fault": "page"}, row]))
    with pytest.raises(BadInputError, match=said) as raised:
        read_rules(path)
    assert str(raised.value).startswith(f"{path}: rule 2: ")


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_a_file_of_another_shape_is_named(tmp_path, text):
    path = tmp_path / "rules.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"rules\.json: "):
        read_rules(path)
    with pytest.raises(BadInputError, match=r"none\.json: "):
        read_rules(tmp_path / "none.json")


def test_a_whole_number_is_a_fraction_too(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('[{"path": "/", "fault": "drop", "value": 0, "method": "GET"}]')
    assert read_rules(path) == [Rule(path="/", fault="drop", value=0, method="GET")]


def test_a_fault_that_does_not_fit_the_reply_says_so():
    answer = with_faults(echo, [Rule(path="/", fault="member-crc", value=1), Rule(path="/", fault="total", value=1)])
    reply = answer(Request(method="GET", path="/a"))
    assert reply.status == 500
    assert b"fault member-crc does not fit the reply to /a" in reply.body


def test_the_catalogue_names_every_fault_on_a_line():
    lines = catalogue().splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    assert "  drop FRACTION " in catalogue()
    assert all(line.endswith((".", ")")) and len(line) > 40 for line in lines)
