"""The versions of an NBIA server's interface, and which of them answers.

v4 is for guests and accounts, v2 for accounts only, v1 for guests and the oldest. All three lie beside each other on
one host. An older one is asked where the newer is gone (404, 410) or keeps failing (5xx), never after a refusal.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mgi.core.errors import NetworkError
from mgi.http.service import FailingServerError, MissingEndpointError, Request, Service

# Where no version stands in the address, it is asked as it is.
AS_CONFIGURED = ""


@dataclass(frozen=True, kw_only=True)
class NbiaVersions:
    """One server by version, best first; what answered is asked first from then on."""

    services: Mapping[str, Service]
    _order: list[str] = field(default_factory=list)

    def ask(self, request: Request, check: Callable[[Any], None] = lambda reply: None) -> tuple[str, Any]:
        """The reply to a request, which `check` accepts (see Service.json), and the version that gave it."""
        failures: list[NetworkError] = []
        order = list(self._order or self.services)
        for version in order:
            try:
                reply = self.services[version].json(request, check)
            except (MissingEndpointError, FailingServerError) as error:
                failures.append(error)
                continue
            if failures:
                self.prefer(version)
            return version, reply
        if len(failures) == 1:
            raise failures[0]
        said = "; ".join(f"{name}: {error}" for name, error in zip(order, failures, strict=True))
        raise NetworkError(f"no version of the service answers: {said}")

    def prefer(self, version: str | None) -> None:
        """Ask this version first, if it is one of them."""
        if version in self.services:
            self._order[:] = [str(version), *(other for other in self.services if other != version)]


def versions_of(service: Service) -> NbiaVersions:
    """The versions beside the configured one: v4 brings v1 as its fall-back, and v2 before it for an account."""
    head, _, last = service.base_url.rstrip("/").rpartition("/")
    if re.fullmatch(r"v\d", last) is None:
        return NbiaVersions(services={AS_CONFIGURED: service})
    if last != "v4":
        return NbiaVersions(services={last: service})
    order = ("v2", "v4", "v1") if service.credential is not None else ("v4", "v1")
    return NbiaVersions(services={name: dataclasses.replace(service, base_url=f"{head}/{name}") for name in order})
