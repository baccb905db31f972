import json
import logging
import threading
import traceback

import pytest

from mgi.core.errors import ConfigError, MgiError, NetworkError
from mgi.http.credentials import Login, Token, gdc_credential, tcia_credential
from mgi.http.service import Request, Service, open_session

CANARY = "canary-3f1c9e-secret"
ASK = Request(path="v4/thing", label="thing")


def token_reply(access, **more):
    return json.dumps(
        {"access_token": access, "expires_in": 7200, "refresh_token": f"refresh-{access}", **more}
    ).encode()


@pytest.fixture
def nbia_at(stub, service_at):
    """A client of the stub as an NBIA server, who has the credential that the environment gives."""

    def make(environ):
        service = service_at(stub.url + "/nbia-api/services/v4")
        return service_at(stub.url + "/nbia-api/services", credential=tcia_credential(environ, service))

    return make


def secret_file(tmp_path, mode=0o600, content=CANARY + "\n"):
    path = tmp_path / "token.txt"
    path.write_text(content)
    path.chmod(mode)
    return path


def bearers(stub, path):
    return [headers.get("Authorization") for target, headers, _ in stub.seen if target == path]


def test_without_a_token_nobody_is_named(service_at, stub):
    assert gdc_credential({}) is None
    assert tcia_credential({}, service_at(stub.url)) is None


def test_a_gdc_token_goes_in_its_own_header(stub, reply, service_at):
    stub.script["/thing"] = [reply(body=b"[]")]
    service_at(stub.url, credential=gdc_credential({"MGI_GDC_TOKEN": f" {CANARY}\n"})).json(
        Request(path="thing", label="thing")
    )
    assert stub.seen[0][1]["X-Auth-Token"] == CANARY


def test_a_token_file_must_be_private(tmp_path):
    path = secret_file(tmp_path)
    assert gdc_credential({"MGI_GDC_TOKEN_FILE": str(path)}).headers() == {"X-Auth-Token": CANARY}
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"MGI_GDC_TOKEN_FILE: .*0640.*0600") as caught:
        gdc_credential({"MGI_GDC_TOKEN_FILE": str(path)})
    assert CANARY not in str(caught.value)
    with pytest.raises(ConfigError, match=r"MGI_GDC_TOKEN_FILE: .*/none.*0600"):
        gdc_credential({"MGI_GDC_TOKEN_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"MGI_GDC_TOKEN": "a", "MGI_GDC_TOKEN_FILE": "b"}, "^MGI_GDC_TOKEN, MGI_GDC_TOKEN_FILE: "),
        ({"MGI_GDC_TOKEN": f"{CANARY}\r\nHost: x"}, "^MGI_GDC_TOKEN: .*characters"),
        ({"MGI_GDC_TOKEN": ""}, "^MGI_GDC_TOKEN: .*empty"),
    ],
)
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(environ, said):
    with pytest.raises(ConfigError, match=said) as caught:
        gdc_credential(environ)
    assert CANARY not in str(caught.value)


def test_token_and_login_together_or_a_login_without_password_are_refused(service_at, stub):
    for environ, said in (
        ({"MGI_TCIA_TOKEN": "a", "MGI_TCIA_USER": "b"}, "^MGI_TCIA_TOKEN, MGI_TCIA_USER: "),
        ({"MGI_TCIA_USER": "b"}, "^MGI_TCIA_USER: .*MGI_TCIA_PASSWORD_FILE"),
    ):
        with pytest.raises(ConfigError, match=said):
            tcia_credential(environ, service_at(stub.url))


def test_a_login_asks_once_above_the_services_and_sends_the_bearer(stub, reply, nbia_at):
    stub.script["/nbia-api/oauth/token"] = [reply(body=token_reply("first"))]
    stub.script["/nbia-api/services/v4/thing"] = [reply(body=b"[1]")]
    service = nbia_at({"MGI_TCIA_USER": "me", "MGI_TCIA_PASSWORD": CANARY})
    assert service.json(ASK) == service.json(ASK) == [1]
    assert stub.count("/nbia-api/oauth/token") == 1
    assert stub.seen[0][2] == {
        "client_id": "NBIA",
        "client_secret": "",
        "grant_type": "password",
        "username": "me",
        "password": CANARY,
    }
    assert "password" not in stub.seen[0][0]
    assert bearers(stub, "/nbia-api/services/v4/thing") == ["Bearer first"] * 2


def test_a_token_that_is_refused_is_renewed_once_and_only_once(stub, reply, nbia_at):
    stub.script["/nbia-api/oauth/token"] = [reply(body=token_reply("first")), reply(body=token_reply("second"))]
    stub.script["/nbia-api/services/v4/thing"] = [reply(status=401), reply(body=b"[1]"), reply(status=401)]
    service = nbia_at({"MGI_TCIA_USER": "me", "MGI_TCIA_PASSWORD": CANARY})
    assert service.json(ASK) == [1]
    assert stub.seen[2][2] == {
        "client_id": "NBIA",
        "client_secret": "",
        "grant_type": "refresh_token",
        "refresh_token": "refresh-first",
    }
    assert bearers(stub, "/nbia-api/services/v4/thing") == ["Bearer first", "Bearer second"]
    stub.seen.clear()
    with pytest.raises(NetworkError, match="HTTP 401"):
        service.json(ASK)
    assert stub.count("/nbia-api/services/v4/thing") == 2


def test_a_token_is_renewed_before_it_ends_and_by_password_where_the_refresh_is_refused(stub, reply, service_at):
    now = [0.0]
    login = Login(service=service_at(stub.url), user="me", password=CANARY, clock=lambda: now[0])
    stub.script["/oauth/token"] = [
        reply(body=token_reply("first", expires_in=300)),
        reply(status=400, body=b"invalid_grant"),
        reply(body=token_reply("second", expires_in=300)),
    ]
    assert login.headers() == {"Authorization": "Bearer first"}
    now[0] = 239.0
    assert login.headers() == {"Authorization": "Bearer first"}
    now[0] = 240.0
    assert login.headers() == {"Authorization": "Bearer second"}
    assert [posted["grant_type"] for _, _, posted in stub.seen] == ["password", "refresh_token", "password"]


def test_threads_that_meet_the_same_refusal_renew_once(stub, reply, service_at):
    login = Login(service=service_at(stub.url), user="me", password=CANARY)
    stub.script["/oauth/token"] = [reply(body=token_reply("first")), reply(body=token_reply("second"))]
    refused = login.headers()
    threads = [threading.Thread(target=login.renewed, args=(refused,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stub.count("/oauth/token") == 2
    assert login.headers() == {"Authorization": "Bearer second"}


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"access_token": "a b"}'])
def test_a_login_without_a_usable_token_is_an_error(stub, reply, service_at, body):
    stub.script["/oauth/token"] = [reply(body=body)]
    with pytest.raises(MgiError, match="access_token"):
        Login(service=service_at(stub.url), user="me", password=CANARY).headers()


def test_a_token_never_leaves_for_another_host_nor_over_an_open_wire(stub, reply, service_at):
    stub.script["/thing"] = [reply(status=302, headers={"Location": f"http://localhost:1/{CANARY}"})]
    token = Token(header="X-Auth-Token", secret=CANARY)
    with pytest.raises(NetworkError, match=r"thing: .*host, localhost") as caught:
        service_at(stub.url, credential=token).json(Request(path="thing", label="thing"))
    assert CANARY not in str(caught.value)
    assert len(stub.seen) == 1
    session = open_session()
    for address in ("http://nbia.example.org/v4", "https://me:pass@nbia.example.org"):
        with pytest.raises(ConfigError, match="base_url"):
            Service(base_url=address, session=session, credential=token)
    session.close()


def test_the_canary_is_in_no_log_no_text_and_no_traceback(stub, reply, nbia_at, caplog, capsys, tmp_path):
    caplog.set_level(logging.DEBUG)
    echo = f"your token {CANARY} and your password {CANARY}".encode()
    stub.script["/nbia-api/oauth/token"] = [reply(status=400, body=echo), reply(body=token_reply(CANARY))]
    stub.script["/nbia-api/services/v4/thing"] = [reply(status=403, body=echo)]
    service = nbia_at({"MGI_TCIA_USER": "me", "MGI_TCIA_PASSWORD_FILE": str(secret_file(tmp_path))})
    texts = [repr(service), str(service.credential)]
    for said in (r"login: HTTP 400$", "HTTP 403, your token … and your password …"):
        with pytest.raises(NetworkError, match=said) as caught:
            service.json(ASK)
        texts += [*traceback.format_exception(caught.value), repr(caught.value.__context__)]
    texts += [repr(service), repr(Token(header="a", secret=CANARY)), caplog.text, *capsys.readouterr()]
    assert CANARY not in "".join(texts)
