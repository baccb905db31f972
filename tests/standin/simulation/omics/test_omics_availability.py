from dataclasses import replace

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.omics.availability import draw_omics_availability

SUBTYPES = {f"P{number:02d}": ("IDHwt" if number % 5 == 0 else "IDHmut-codel") for number in range(40)}
HELD = {one: Availability() for one in SUBTYPES} | {
    "P01": Availability(samples=()),
    "P02": Availability(samples=("02A",)),
    "P03": Availability(samples=("01A", "01A")),
    "P04": Availability(samples=("01B",), fixed=("01B",)),
}


def drawn(settings, **missing):
    return draw_omics_availability(SUBTYPES, HELD, replace(settings, missing=missing))


def test_each_exception_occurs(omics_settings):
    available = drawn(omics_settings).values()
    for mark in ("second_aliquot", "redacted", "hypermutated"):
        assert sum(getattr(one, mark) for one in available) == 1
    assert sum(one.genome_doubled for one in available) == 4
    assert sum(one.old_panel for one in available) == 12
    assert any(one.samples == ("01B",) and not one.fixed for one in available)


def test_only_wild_types_are_without_a_variant(omics_settings):
    empty = [one for one, each in drawn(omics_settings).items() if each.no_variants]
    assert empty
    assert {SUBTYPES[one] for one in empty} == {"IDHwt"}


def test_samples_are_those_of_the_expression_once_each_and_a_primary_one_where_it_has_none(omics_settings):
    available = drawn(omics_settings)
    assert available["P02"].samples == ("02A",)
    assert (available["P04"].samples, available["P04"].fixed) == (("01B",), ("01B",))
    assert all(available[one].samples in (("01A",), ("01B",)) for one in ("P01", "P03"))


def test_shares_of_patients_lack_what_they_are_to_lack(omics_settings):
    available = drawn(omics_settings, cn=0.25, rppa=1.0, mutation=0.0)
    assert sum("cn" in one.without for one in available.values()) == 10
    assert all("rppa" in one.without for one in available.values())
    assert not any("mutation" in one.without or "mirna" in one.without for one in available.values())


def test_who_lacks_one_says_nothing_of_who_lacks_another(omics_settings):
    none, some, both = (
        drawn(omics_settings),
        drawn(omics_settings, cn=0.25),
        drawn(omics_settings, cn=0.25, mirna=0.25),
    )
    assert {one: replace(each, without=()) for one, each in both.items()} == none
    lacking = [{one for one, each in available.items() if "cn" in each.without} for available in (some, both)]
    assert lacking[0] == lacking[1] != {one for one, each in both.items() if "mirna" in each.without}
