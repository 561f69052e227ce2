import math

import numpy as np
import pytest
import torch

from creative_gan.core.errors import UserError
from creative_gan.core.latent import LatentModel, circle, truncate


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("count", [3, 4, 7, 8])
def test_a_circle_is_closed_and_moves_at_an_even_speed(count: int):
    way = circle(normal(count, 128), 240)
    steps = (way.roll(-1, 0) - way).norm(dim=1)
    assert way.shape == (240, 128) and way.dtype == torch.float32
    assert steps.max() / steps.min() < 1.01


@pytest.mark.parametrize("count", [3, 4, 7, 8])
def test_a_circle_turns_smoothly_everywhere(count: int):
    steps = circle(normal(count, 128), 60 * count).diff(dim=0)
    turns = torch.cosine_similarity(steps[1:], steps[:-1], dim=1)
    assert turns.min() > 0.99


def test_a_circle_passes_through_every_anchor_and_starts_at_the_first():
    anchors = normal(5, 64)
    way = circle(anchors, 2000)
    assert torch.allclose(way[0], anchors[0], atol=1e-5)
    assert torch.cdist(anchors, way).min(dim=1).values.max() < 0.1


def test_a_circle_stays_where_latents_are():
    anchors = normal(6, 256)
    lengths = circle(anchors, 300).norm(dim=1)
    assert lengths.min() >= anchors.norm(dim=1).min() - 1e-3
    assert lengths.max() <= anchors.norm(dim=1).max() + 1e-3
    assert abs(lengths.mean() / math.sqrt(256) - 1) < 0.05


def test_a_circle_through_one_point_stands_still_without_nan():
    assert torch.allclose(circle(torch.ones(3, 4), 10), torch.ones(10, 4))
    assert torch.equal(circle(torch.zeros(3, 4), 10), torch.zeros(10, 4))


def test_a_circle_needs_three_points():
    with pytest.raises(UserError, match="three points"):
        circle(normal(2, 8), 10)


def test_truncation_has_the_distribution_of_drawing_again():
    z = normal(50_000)
    squeezed, drawn = truncate(z, 0.7), z[z.abs() < 0.7]
    levels = torch.linspace(0.01, 0.99, 50)
    assert torch.allclose(squeezed.quantile(levels), drawn.quantile(levels), atol=0.02)
    assert squeezed.abs().max() <= 0.7 and squeezed[z.argsort()].diff().min() >= 0


def test_truncation_far_out_changes_nothing_and_survives_extremes():
    z = normal(1000)
    assert torch.allclose(truncate(z, 8.0), z, atol=1e-4)
    assert truncate(torch.tensor([-40.0, 40.0]), 0.5).tolist() == [-0.5, 0.5]
    with pytest.raises(UserError, match="above 0"):
        truncate(z, 0)


def test_labels_are_asked_for_as_often_as_among_those_given():
    model = LatentModel("m", "m", {"classes": ["a", "b", "c"]}, "", torch.nn.Identity())
    given = np.array([0, 2, 0, 1] * 10 + [0])
    asked = model.labels_like(given, ["a", "b", "c"], 20)
    assert torch.bincount(asked).tolist() == [10, 5, 5]
    assert model.labels_like(given, ["x", "y", "z"], 4).tolist() == [0, 1, 2, 0]
    assert model.labels_like(None, [], 4).tolist() == [0, 1, 2, 0]
