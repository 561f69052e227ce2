import numpy as np
import pytest

from creative_gan.core.data import evenly, order


@pytest.mark.parametrize("start", [0, 1, 7, 25])
def test_the_order_is_the_same_wherever_it_is_entered(start: int) -> None:
    np.testing.assert_array_equal(order(10, 3, 0, 40)[start:], order(10, 3, start, 40))


def test_every_round_holds_every_sample_once_in_an_order_of_its_own() -> None:
    rounds = order(10, 3, 0, 40).reshape(4, 10)
    np.testing.assert_array_equal(np.sort(rounds), np.tile(np.arange(10), (4, 1)))
    assert len({tuple(one) for one in rounds.tolist()}) == 4


@pytest.mark.parametrize(("count", "most"), [(10, 3), (1000, 7), (7, 7), (3, 10), (1, 1), (5, 4), (0, 3)])
def test_evenly_takes_the_first_and_the_last_and_goes_in_even_steps(count: int, most: int) -> None:
    picked = evenly(count, most)
    assert len(picked) == min(count, most)
    if count and most > 1:
        assert (picked[0], picked[-1]) == (0, count - 1)
    steps = np.diff(picked)
    assert not len(steps) or (steps.min() >= 1 and steps.max() - steps.min() <= 1)
