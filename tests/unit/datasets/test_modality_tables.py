import pytest
import torch

from mgi.datasets.modality_tables import ModalityTables, complete_enough, dropped_at_random

PRESENCE = torch.tensor([[True, True], [False, True], [True, False], [False, False]])


def tables() -> ModalityTables:
    values = {"rna": torch.arange(12.0).view(4, 3), "cn": -torch.arange(8.0).view(4, 2)}
    return ModalityTables.dense(values, PRESENCE)


def test_columns_of_presence_are_modalities_in_the_order_of_their_names() -> None:
    found = tables()
    assert found.names == ("cn", "rna")
    assert found.sizes == {"cn": 2, "rna": 3}
    assert len(found) == 4
    torch.testing.assert_close(found.presence, PRESENCE)


def test_only_those_who_have_a_modality_have_a_row_of_it() -> None:
    found = tables()
    places, values = found.rows("rna", torch.tensor([3, 1, 0]))
    assert places.tolist() == [1, 2]  # patients 1 and 0
    torch.testing.assert_close(values, torch.tensor([[3.0, 4, 5], [0, 1, 2]]))
    assert len(found.values["cn"]) == 2
    assert [len(one) for one in found.rows("cn", torch.tensor([3]))] == [0, 0]


def test_some_patients_in_another_order_keep_their_vectors() -> None:
    places, values = tables().taking(torch.tensor([2, 0])).rows("cn", torch.arange(2))
    assert places.tolist() == [0, 1]
    torch.testing.assert_close(values, torch.tensor([[-4.0, -5], [0, -1]]))


def test_presence_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"presence has shape \(4, 2\) for 1 modalities"):
        ModalityTables.dense({"rna": torch.zeros(4, 3)}, PRESENCE)


def test_inner_asks_for_all_modalities_and_outer_for_any() -> None:
    assert complete_enough(PRESENCE, "inner").tolist() == [True, False, False, False]
    for missing in ("outer", "outer_genes"):
        assert complete_enough(PRESENCE, missing).tolist() == [True, True, True, False]


def test_a_permuted_modality_is_kept_by_nobody_and_lost_by_nobody() -> None:
    presence = torch.rand(30, 2, generator=torch.Generator().manual_seed(1)) < 0.6
    given = {"a": torch.arange(30.0).view(30, 1), "b": torch.arange(30.0).view(30, 1)}
    found = ModalityTables.dense(given, presence)
    other = found.permuted("a", 0)
    torch.testing.assert_close(other.presence, presence)
    before, after = (one.rows("a", torch.arange(30))[1].flatten() for one in (found, other))
    assert not (before == after).any()
    assert sorted(before.tolist()) == sorted(after.tolist())
    assert torch.equal(found.row_of["b"], other.row_of["b"])
    assert other.digest() != found.digest()


def test_dropped_modalities_were_there_and_a_patients_last_one_stays() -> None:
    generator = torch.Generator().manual_seed(0)
    presence = torch.rand(2000, 3, generator=generator) < 0.7
    kept = dropped_at_random(presence, 0.5, generator)
    assert not (kept & ~presence).any()
    assert torch.equal(kept.any(1), presence.any(1))
    several = presence.sum(1) == 3
    # Three that go with a half each, of which one stays where all would go: (3 / 2 + 1 / 8) / 3 stay.
    assert kept[several].float().mean().item() == pytest.approx((1.5 + 0.125) / 3, abs=0.02)


def test_without_a_rate_nothing_is_dropped_or_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    assert torch.equal(dropped_at_random(PRESENCE, 0.0, generator), PRESENCE)
    assert torch.equal(generator.get_state(), state)


def test_the_digest_sees_names_vectors_and_who_has_which() -> None:
    values = {"rna": torch.zeros(4, 3), "cn": torch.zeros(4, 3)}
    other = PRESENCE.clone()
    other[3, 0] = True
    changed = {**values, "cn": torch.ones(4, 3)}
    digests = {
        ModalityTables.dense(values, PRESENCE).digest(),
        ModalityTables.dense(values, other).digest(),
        ModalityTables.dense(changed, PRESENCE).digest(),
        ModalityTables.dense({"rna": values["rna"], "dn": values["cn"]}, PRESENCE).digest(),
    }
    assert len(digests) == 4
