import pytest

from mgi.core.errors import BadInputError
from mgi.shards.channels import in_order, require_channels


@pytest.mark.parametrize("channels", [["flair"], ["pre", "flair"], ("flair", "post"), ["pre", "flair", "post"]])
def test_a_list_that_holds_flair_stands_in_the_order_of_the_files(channels) -> None:
    assert in_order(channels)


@pytest.mark.parametrize(
    "channels", [[], ["pre"], ["pre", "post"], ["flair", "pre"], ["flair", "flair"], ["flair", "t2"], [["flair"]]]
)
def test_any_other_list_does_not(channels) -> None:
    assert not in_order(channels)


def test_an_image_of_other_channels_than_the_network_reads_is_refused() -> None:
    require_channels(["pre", "flair"], ("pre", "flair"), "x")
    with pytest.raises(BadInputError, match=r"^x: channels: found flair, expected pre, flair, post$"):
        require_channels(["flair"], ["pre", "flair", "post"], "x")
