import re

import pytest

from mgi.core.errors import ConfigError
from mgi.http.address import fault_of, is_loopback, refuse_open_wire
from mgi.modalities.registry import settings_class

GOOD = ["https://api.gdc.cancer.gov", "https://nbia.example.org/nbia-api/services/v4/", "https://10.0.0.1:8443/x",
        "https://[2001:db8::1]/x", "http://localhost:8000", "http://127.0.0.1:9", "http://[::1]:80", "HTTPS://Host.org",
        "https://a_b.example.org", "https://host.example.org."]  # fmt: skip
BAD = {
    "": "https://",
    "api.gdc.cancer.gov": "expected https://api.gdc.cancer.gov",
    "api.gdc.cancer.gov:443/v0": "expected https://api.gdc.cancer.gov:443/v0",
    "//api.gdc.cancer.gov": "expected https",
    "https:/api.gdc.cancer.gov": "two slashes",
    "https:api.gdc.cancer.gov": "two slashes",
    "https//api.gdc.cancer.gov": "expected https://api.gdc.cancer.gov",
    "htps://api.gdc.cancer.gov": "'htps'",
    "ttps://api.gdc.cancer.gov": "'ttps'",
    "httpss://api.gdc.cancer.gov": "'httpss'",
    "ftp://api.gdc.cancer.gov": "'ftp'",
    "file:///etc/passwd": "'file'",
    "https://": "no host",
    "https:///v4": "no host",
    "https://:443/v4": "no host",
    "https:// api.gdc.cancer.gov": "' '",
    " https://api.gdc.cancer.gov": "' '",
    "https://api.gdc.cancer.gov ": "' '",
    "https://api.gdc.cancer.gov\n": r"'\n'",
    "https://api.gdc.cancer.gov/\x1b[2J": r"'\x1b'",
    "https://api.gdc.cancer.gov\\v4": "'\\\\'",
    "https://api.gdc.cancér.gov": "'é'",
    "https://<host>/v4": "'<'",
    "https://[::1": "no address",
    "https://[hello]/": "no address",
    "https://host:port/": "no address",
    "https://host:99999/": "no address",
    "https://host:/": "port",
    "https://host:0/": "port",
    "https://api..cancer.gov": "'api..cancer.gov'",
    "https://.gov": "'.gov'",
    "https://api.gdc.cancer.gov.": "",
    "https://-host.org": "'-host.org'",
    "https://256.1.1.1": "'256.1.1.1'",
    "https://1.2.3": "'1.2.3'",
    f"https://{'a' * 64}.org": "is none",
    "https://api,gdc.cancer.gov": "'api,gdc.cancer.gov'",
    "https://host/v4?x=1": "a query",
    "https://host/v4#x": "a fragment",
    "http://api.gdc.cancer.gov": "http:// only for this machine",
    "https://me:secret@host/": "environment",
    "https://me@host/": "environment",
    "me:secret@host": "environment",
}
BAD = {address: says for address, says in BAD.items() if says}


@pytest.mark.parametrize("address", GOOD)
def test_an_address_that_can_be_asked_is_taken(address):
    assert fault_of(address) == ""
    refuse_open_wire(address)


@pytest.mark.parametrize("address", BAD)
def test_a_typo_is_refused_by_what_is_wrong_with_it(address):
    with pytest.raises(ConfigError, match=re.escape(BAD[address])) as caught:
        refuse_open_wire(address)
    assert str(caught.value).startswith("base_url: ")
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("modality", ["rna", "flair"])
def test_the_settings_refuse_it_by_its_key(modality):
    with pytest.raises(ConfigError, match=r"base_url: found .*'htps'.*, expected https$"):
        settings_class(modality).read({"base_url": "htps://api.gdc.cancer.gov"}, where=f"modalities.{modality}")


def test_only_this_machine_is_this_machine():
    assert is_loopback("http://localhost")
    assert is_loopback("http://127.8.9.1:80/x")
    assert not any(map(is_loopback, ("https://localhost.example.org", "http://[::1", "", "https://10.0.0.1")))
