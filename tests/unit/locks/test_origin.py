import pytest

from mgi.core.errors import ConfigError
from mgi.locks.source import check_origin
from small_locks import flair_lock, rna_lock

REAL, LOCAL = "https://api.gdc.cancer.gov", "http://127.0.0.1:9"


def locks(*, simulated):
    return rna_lock(simulated=simulated), flair_lock(simulated=simulated)


@pytest.mark.parametrize(
    ("locked", "asked", "url"), [(True, False, REAL), (False, True, LOCAL)], ids=["simulated lock", "real lock"]
)
def test_simulated_and_real_do_not_meet(service_at, locked, asked, url):
    for lock in locks(simulated=locked):
        with pytest.raises(ConfigError, match=f"^{lock.modality} lock: .*simulated"):
            check_origin(lock, service_at(url), simulated=asked)


@pytest.mark.parametrize(
    ("locked", "asked", "url"),
    [(True, True, LOCAL), (False, False, REAL), (True, False, LOCAL), (False, False, LOCAL)],
)
def test_one_kind_passes_and_so_does_either_at_an_address_of_this_machine(service_at, locked, asked, url):
    for lock in locks(simulated=locked):
        check_origin(lock, service_at(url), simulated=asked)
