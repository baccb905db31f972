"""Whether a lock and a service are of one kind: simulated ids mean nothing to a real archive, nor the reverse."""

from mgi.core.errors import ConfigError
from mgi.http.service import Service, is_loopback
from mgi.locks.lock import Lock


def check_origin(lock: Lock, service: Service, *, simulated: bool) -> None:
    """Refuse a simulated archive's lock for a real service and the other way round; asks nothing.

    At an address of this machine that the user named either kind may answer. Raises ConfigError.
    """
    if lock.simulated == simulated or (not simulated and is_loopback(service.base_url)):
        return
    kinds = {True: "a simulated archive", False: "the real one"}
    raise ConfigError(
        f"{lock.modality} lock: made from {kinds[lock.simulated]}, but this run asks {kinds[simulated]}: "
        "make the lock again, or name no lock"
    )
