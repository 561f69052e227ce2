"""Which recipe is taken when none was named."""

import pytest

from creative_gan.image.choose import suited


@pytest.mark.parametrize(
    ("count", "shape", "recipe"),
    [
        (100, (3, 64, 64), "few"),
        (999, (4, 64, 64), "few"),
        (1_000, (4, 64, 64), "icons"),
        (1_000, (3, 64, 64), "art"),
        (1_000, (1, 28, 28), "digits"),
        (1_000, (1, 64, 64), "art"),
    ],
)
def test_the_recipe_suits_count_and_kind(count: int, shape: tuple[int, int, int], recipe: str) -> None:
    assert suited(count, shape) == recipe
