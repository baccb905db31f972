import itertools
from dataclasses import replace

from listed_series import One
from mgi.modalities.flair.choice import MAX_RUNNERS_UP, choose_flair


def judged(*series):
    return {one.key: verdict for one, verdict in zip(series, choose_flair(series), strict=True)}


FLAIR = One()
T1 = One("SAG T1 FLAIR", key="1.2")
SEG = One("AXIAL FLAIR Glioma Segmentation", key="1.3", modality="SEG", n_images=1)


def test_one_flair_is_chosen_with_the_segmentation_of_its_study():
    found = judged(T1, SEG, FLAIR)
    assert [(found[key].role, found[key].chosen) for key in ("1.1", "1.2", "1.3")] == [
        ("flair", True),
        ("other", False),
        ("mask", True),
    ]
    assert all(verdict.reason for verdict in found.values())


def test_the_choice_does_not_depend_on_the_order_of_the_listing():
    rivals = (FLAIR, T1, SEG, One("SAG FLAIR", key="1.4"), One(key="2.1", study_uid="2", study_date="1999-01-01"))
    first = judged(*rivals)
    for order in itertools.permutations(rivals):
        assert judged(*order) == first
    assert first["1.1"].chosen
    assert first["1.4"].reason == "scores below 1.1"
    assert first["2.1"].reason == "other study preferred"


def test_the_earliest_study_with_a_flair_is_used():
    early = One("AX T1 FLAIR", key="0.1", study_uid="0", study_date="1990-01-01")
    late = One(key="2.1", study_uid="2", study_date="1999-01-01")
    undated = One(key="3.1", study_uid="3", study_date=None)
    found = judged(late, undated, early, FLAIR)
    assert [key for key, verdict in found.items() if verdict.chosen] == ["1.1"]


def test_a_study_with_a_segmentation_goes_before_an_earlier_one_without():
    early = One(key="0.1", study_uid="0", study_date="1990-01-01")
    assert [key for key, verdict in judged(early, FLAIR, SEG).items() if verdict.chosen] == ["1.1", "1.3"]


def test_equal_series_are_a_tie_and_nothing_is_chosen():
    twin = replace(FLAIR, key="1.9")
    found = judged(FLAIR, twin, SEG)
    assert not any(verdict.chosen for verdict in found.values())
    assert found["1.1"].reason == "tie with 1.9"
    assert found["1.3"].reason == "no FLAIR chosen"


def test_of_equal_names_the_one_with_more_images_wins():
    finer = replace(FLAIR, key="1.9", n_images=40)
    assert judged(FLAIR, finer)["1.9"].chosen


def chosen(found):
    return [key for key, verdict in found.items() if verdict.chosen]


def runners(found):
    return {key: verdict.runner_up for key, verdict in found.items() if verdict.runner_up is not None}


def test_studies_of_one_day_compete_by_their_series_and_not_by_their_uids():
    other = replace(FLAIR, key="0.1", study_uid="0")
    found = judged(FLAIR, other)
    assert not chosen(found)
    assert (found["1.1"].reason, found["0.1"].reason) == ("tie with 0.1", "tie with 1.1")
    assert chosen(judged(FLAIR, replace(other, description="FLAIR"))) == ["1.1"]
    assert chosen(judged(FLAIR, replace(other, n_images=40))) == ["0.1"]


def test_the_next_best_are_numbered_with_the_segmentations_of_their_studies():
    plain = One("FLAIR", key="1.4")
    late = One(key="2.1", study_uid="2", study_date="1999-01-01")
    mask = One("Seg", key="2.3", study_uid="2", modality="SEG")
    found = judged(FLAIR, SEG, T1, plain, late, mask)
    assert chosen(found) == ["1.1", "1.3"]
    assert runners(found) == {"1.4": 1, "2.1": 2, "2.3": 2}
    assert found["1.4"].reason == "scores below 1.1"


def test_nothing_is_tried_from_a_tie_on_and_no_more_than_a_few():
    series = [One(key=f"1.{n}", n_images=20 + n) for n in range(9)]
    assert runners(judged(*series)) == {f"1.{8 - n}": n for n in range(1, MAX_RUNNERS_UP + 1)}
    twins = [One("FLAIR", key="1.91"), One("FLAIR", key="1.92")]
    found = judged(FLAIR, *twins, One("COR FLAIR", key="1.93"))
    assert (chosen(found), runners(found)) == (["1.1"], {})
    assert found["1.91"].reason == "tie with 1.92"


def test_headers_that_contradict_come_last_whatever_the_name():
    coronal = replace(FLAIR, key="1.0", n_images=60, contradiction="slices are not axial")
    found = judged(coronal, One("COR FLAIR", key="1.2"))
    assert (chosen(found), found["1.0"].reason, runners(found)) == (["1.2"], "slices are not axial", {})
    assert chosen(judged(coronal)) == ["1.0"]  # a fetch then says why the patient has none
    late = One(key="2.1", study_uid="2", study_date="1999-01-01")
    assert chosen(judged(coronal, late)) == ["2.1"]


def test_an_original_goes_before_a_derived_and_a_reformat_of_its_study_alone():
    derived = replace(FLAIR, key="1.0", n_images=160, doubts=("derived",))
    reformat = replace(FLAIR, key="1.7", n_images=170, doubts=("derived", "a reformat"))
    found = judged(reformat, derived, One("FLAIR", key="1.2"))
    assert chosen(found) == ["1.2"]
    assert runners(found) == {"1.0": 1, "1.7": 2}
    assert found["1.7"].reason == "derived; a reformat; 1.2 is preferred"
    alone = judged(reformat)
    assert (chosen(alone), alone["1.7"].reason) == (["1.7"], "best FLAIR of its study (derived; a reformat)")
    late = One(key="2.1", study_uid="2", study_date="1999-01-01")
    assert chosen(judged(derived, late)) == ["1.0"]


def test_no_flair_and_no_series_choose_nothing():
    assert not any(verdict.chosen for verdict in choose_flair([T1, SEG]))
    assert choose_flair([]) == []
