from mgi.core import errors
from mgi.core.errors import MgiError


def test_every_kind_of_error_has_an_exit_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, MgiError) for kind in kinds)
    assert sorted(kind.exit_code for kind in kinds) == [1, 2, 3, 4, 5, 6]
