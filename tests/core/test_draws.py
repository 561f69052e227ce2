"""Named draws: pure, of the whole batch, the same however the batch is shared."""

import torch

from creative_gan.core.draws import Draws, derive

WHOLE = Draws(3, 640, 8, slice(0, 8))


def test_shares_and_chunks_are_rows_of_the_whole():
    whole = WHOLE.normal("z", 5)
    ranks = [Draws(3, 640, 8, slice(4 * r, 4 * r + 4)) for r in range(2)]
    assert torch.equal(torch.cat([d.normal("z", 5) for d in ranks]), whole)
    pieces = [d.chunk(slice(2 * c, 2 * c + 2)).normal("z", 5) for d in ranks for c in range(2)]
    assert torch.equal(torch.cat(pieces), whole)


def test_names_scopes_steps_and_seeds_differ_and_repeat():
    a = WHOLE.uniform("a", 3)
    others = [
        WHOLE.uniform("b", 3),
        WHOLE.of("turn").uniform("a", 3),
        Draws(3, 648, 8, slice(0, 8)).uniform("a", 3),
        Draws(4, 640, 8, slice(0, 8)).uniform("a", 3),
    ]
    assert all(not torch.equal(a, other) for other in others)
    assert torch.equal(a, WHOLE.uniform("a", 3))
    assert a.min() >= 0 and a.max() < 1


def test_integers_stay_in_range_and_use_it():
    drawn = Draws(0, 0, 1000, slice(0, 1000)).integers("n", 2, 5)
    assert set(drawn.tolist()) == {2, 3, 4}


def test_derived_seeds_do_not_run_together():
    assert derive(1, 23) != derive(12, 3)
    assert 0 <= derive("x") < 2**63
