import gzip

import pytest

from mgi.core.errors import ConfigError, IntegrityError, NetworkError
from mgi.http.body import Limits
from mgi.http.retry import RetryPolicy
from mgi.http.service import Request, is_loopback, open_service

ASK = Request(path="thing", label="thing")


def test_a_busy_service_is_asked_again(stub, reply, service_at):
    stub.script["/thing"] = [reply(status=503), reply(status=503), reply(body=b'{"a": 1}')]
    assert service_at(stub.url).json(ASK) == {"a": 1}
    assert stub.count("/thing") == 3


def test_retry_after_sets_the_pause(stub, reply, service_at):
    slept = []
    stub.script["/thing"] = [reply(status=429, headers={"Retry-After": "17"}), reply(body=b"[]")]
    assert service_at(stub.url, sleep=slept.append).json(ASK) == []
    assert slept == [17.0]


def test_a_service_that_stays_broken_is_asked_six_times(stub, reply, service_at):
    stub.script["/thing"] = [reply(status=500, body=b"<html>oops</html>")]
    with pytest.raises(NetworkError, match=r"thing: HTTP 500 \(6 attempts\)"):
        service_at(stub.url).json(ASK)
    assert stub.count("/thing") == 6


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_final_and_its_words_are_passed_on(stub, reply, service_at, status):
    stub.script["/thing"] = [reply(status=status, body=b"no such\nthing")]
    with pytest.raises(NetworkError, match=f"HTTP {status}, no such thing"):
        service_at(stub.url).json(ASK)
    assert stub.count("/thing") == 1


def test_an_empty_body_is_nothing_rather_than_an_error(stub, reply, service_at):
    stub.script["/thing"] = [reply(body=b"")]
    assert service_at(stub.url).json(ASK) is None


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>maintenance", b"  <HTML>", b'{"data": [1, 2'])
def test_a_page_or_half_a_reply_is_asked_again(stub, reply, service_at, body):
    stub.script["/thing"] = [reply(body=body), reply(body=b"[3]")]
    assert service_at(stub.url).json(ASK) == [3]


def test_a_body_cut_short_is_asked_again_with_length_and_in_chunks(stub, reply, service_at):
    whole = b"[" + b"1," * 4000 + b"1]"
    stub.script["/thing"] = [reply(body=whole, sent=500), reply(body=whole, sent=500, chunked=True), reply(body=whole)]
    assert len(service_at(stub.url).json(ASK)) == 4001


def test_a_redirect_within_the_host_is_followed_and_one_away_is_refused(stub, reply, service_at):
    stub.script["/thing"] = [reply(status=302, headers={"Location": "/other"})]
    stub.script["/other"] = [reply(body=b"[1]")]
    assert service_at(stub.url).json(ASK) == [1]
    stub.script["/thing"] = [reply(status=302, headers={"Location": "http://169.254.169.254/latest"})]
    with pytest.raises(NetworkError, match=r"thing: .*host, 169\.254\.169\.254"):
        service_at(stub.url).json(ASK)


def test_a_redirect_to_another_scheme_or_port_of_the_host_is_refused_as_that(stub, reply, service_at):
    for target in (stub.url.replace("http:", "https:") + "/thing", "http://127.0.0.1:9/thing"):
        stub.script["/thing"] = [reply(status=302, headers={"Location": target})]
        with pytest.raises(NetworkError, match=r"thing: redirected to another scheme or port of 127\.0\.0\.1; refused"):
            service_at(stub.url).json(ASK)


def test_a_redirect_loop_ends(stub, reply, service_at):
    stub.script["/thing"] = [reply(status=302, headers={"Location": "/thing"})]
    with pytest.raises(NetworkError, match=r"thing: .*5 redirects"):
        service_at(stub.url).json(ASK)


def test_no_credentials_and_no_cookies_are_sent(stub, reply, service_at, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    stub.script["/thing"] = [reply(body=b"[]", headers={"Set-Cookie": "session=canary"})]
    service = service_at(stub.url)
    service.session.trust_env = True
    service.json(ASK)
    service.json(ASK)
    assert all("canary" not in str(headers) for _, headers, _ in stub.seen)
    assert all("Authorization" not in headers and "X-Auth-Token" not in headers for _, headers, _ in stub.seen)
    assert stub.seen[0][1]["Accept-Encoding"] == "identity"
    assert stub.seen[0][1]["User-Agent"].startswith("mgi/")


def test_a_refused_connection_is_tried_again_and_named_without_its_port(service_at):
    slept = []
    service = service_at("http://127.0.0.1:9", policy=RetryPolicy(attempts=2, base_s=0.0), sleep=slept.append)
    with pytest.raises(NetworkError) as caught:
        service.json(ASK)
    assert str(caught.value) == "local archive: thing: no connection (refused) (2 attempts)"
    assert len(slept) == 1


def test_a_stalled_and_a_dripping_body_are_given_up(stub, reply, service_at):
    stub.script["/thing"] = [reply(body=b"[" * 400, drip_s=0.02)]
    limits = Limits(connect_s=2, read_s=2, rate_window_s=0.1, min_bytes_per_s=10_000)
    with pytest.raises(NetworkError, match=r"thing: .*10000 bytes/s"):
        service_at(stub.url, limits=limits, policy=RetryPolicy(attempts=1)).json(ASK)
    limits = Limits(connect_s=2, read_s=2, deadline_s=0.1)
    with pytest.raises(NetworkError, match=r"thing: .* 0 s \(\d+ bytes\)"):
        service_at(stub.url, limits=limits, policy=RetryPolicy(attempts=1)).json(ASK)
    limits = Limits(connect_s=2, read_s=0.1)
    stub.script["/thing"] = [reply(body=b"[]", drip_s=2.0)]
    with pytest.raises(NetworkError, match=r"thing: .*ReadTimeoutError"):
        service_at(stub.url, limits=limits, policy=RetryPolicy(attempts=1)).json(ASK)


def test_a_body_beyond_the_limit_is_refused(stub, reply, service_at):
    stub.script["/thing"] = [reply(body=b"[" + b" " * 5000 + b"]")]
    with pytest.raises(Exception, match=r"thing: .*1000"):
        service_at(stub.url, limits=Limits(json_bytes=1000)).json(ASK)
    assert stub.count("/thing") == 1


def test_only_https_or_this_machine():
    for url in ("http://api.gdc.cancer.gov", "file:///etc/passwd", "ftp://127.0.0.1", "api.gdc.cancer.gov"):
        with pytest.raises(ConfigError, match="base_url"):
            open_service(url, connections=1, policy=RetryPolicy())
    service = open_service("https://api.gdc.cancer.gov", connections=1, policy=RetryPolicy())
    assert service.name == "api.gdc.cancer.gov"
    assert service.session.trust_env
    assert is_loopback("http://localhost:80/x")
    assert not is_loopback("https://example.org")


def test_the_proxy_and_the_certificates_of_the_environment_are_used(tmp_path, monkeypatch):
    bundle = tmp_path / "own.pem"
    bundle.write_text("")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("NO_PROXY", "near.example.org")
    for name in ("https_proxy", "no_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    pool = open_service("https://api.gdc.cancer.gov", connections=3, policy=RetryPolicy())._pool
    assert (pool.host, pool.proxy.host, pool.ca_certs) == ("api.gdc.cancer.gov", "proxy.example.org", str(bundle))
    assert pool.cert_reqs == "CERT_REQUIRED"
    assert pool.pool.maxsize == 3
    assert open_service("https://near.example.org", connections=1, policy=RetryPolicy())._pool.proxy is None
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    assert open_service("http://127.0.0.1:8000", connections=1, policy=RetryPolicy())._pool.proxy is None


def test_params_a_body_and_a_form_arrive_as_they_were_given(stub, reply, service_at):
    stub.script["/a/thing"] = [reply(body=b"[]")]
    service = service_at(stub.url + "/a/")
    service.json(Request(path="/thing", label="thing", params={"q": "a b&ü", "n": "1"}))
    service.json(Request(path="thing", label="thing", method="POST", body={"q": "ü"}))
    service.json(Request(path="thing", label="thing", method="POST", form={"user": "a b&ü"}))
    assert stub.seen[0][0] == "/a/thing?q=a+b%26%C3%BC&n=1"
    assert [posted for _, _, posted in stub.seen[1:]] == [{"q": "ü"}, {"user": "a b&ü"}]


def test_a_redirect_keeps_the_query_that_it_names(stub, reply, service_at):
    stub.script["/thing"] = [reply(status=307, headers={"Location": "/other?b=2#here"})]
    stub.script["/other"] = [reply(body=b"[1]")]
    assert service_at(stub.url).json(Request(path="thing", label="thing", params={"a": "1"})) == [1]
    assert [target for target, _, _ in stub.seen] == ["/thing?a=1", "/other?b=2"]


def test_a_packed_listing_is_unpacked_and_a_bomb_is_refused_before_it_fills_the_memory(stub, reply, service_at):
    packed = {"Content-Encoding": "gzip"}
    stub.script["/a"] = [reply(body=gzip.compress(b"[1]"), headers=packed)]
    assert service_at(stub.url).json(Request(path="a", label="a")) == [1]
    stub.script["/b"] = [reply(body=gzip.compress(b" " * (64 << 20)), headers=packed)]
    with pytest.raises(IntegrityError, match=r"b: .*200.*gzip"):
        service_at(stub.url).json(Request(path="b", label="b"))
    assert stub.count("/b") == 1
