import hashlib

from mgi.core.files import digest_of


def test_the_digest_is_the_sha256_of_the_lines() -> None:
    assert digest_of(["ab", "é"]) == hashlib.sha256("ab\né".encode()).hexdigest()
    assert digest_of(iter(["ab", "é"])) == digest_of(("ab", "é"))


def test_order_and_borders_count() -> None:
    assert len({digest_of(strings) for strings in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], [])}) == 5
