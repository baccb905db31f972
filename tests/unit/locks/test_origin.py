import pytest

from mgi.core.errors import ConfigError
from mgi.locks.lock import ExpressionLock, ImageLock
from mgi.locks.origin import check_origin

REAL, LOCAL = "https://api.gdc.cancer.gov", "http://127.0.0.1:9"


def locks(*, simulated):
    expression = ExpressionLock(source="gdc", release=None, simulated=simulated, gene_model=None, table=None, items=())
    images = ImageLock(source="tcia", collection=None, simulated=simulated, table=None, items=())
    return expression, images


@pytest.mark.parametrize(
    ("locked", "asked", "url"), [(True, False, REAL), (False, True, LOCAL)], ids=["simulated lock", "real lock"]
)
def test_simulated_and_real_do_not_meet(service_at, locked, asked, url):
    for lock in locks(simulated=locked):
        with pytest.raises(ConfigError, match=f"{lock.kind} lock: made from .* make the lock again"):
            check_origin(lock, service_at(url), simulated=asked)


@pytest.mark.parametrize(
    ("locked", "asked", "url"),
    [(True, True, LOCAL), (False, False, REAL), (True, False, LOCAL), (False, False, LOCAL)],
)
def test_one_kind_passes_and_so_does_either_at_an_address_of_this_machine(service_at, locked, asked, url):
    for lock in locks(simulated=locked):
        check_origin(lock, service_at(url), simulated=asked)
