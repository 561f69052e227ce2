import subprocess
import sys

import pytest
import torch
from torch import nn

from creative_gan.core.adam import Adam
from creative_gan.core.schedule import one_cycle


def network() -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
    return body.to(memory_format=torch.channels_last)


def descend(body: nn.Module, optimizer, steps: range, after=lambda step: None) -> None:
    for step in steps:
        optimizer.zero_grad()
        body(
            torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        ).square().mean().backward()
        optimizer.step()
        after(step)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_those_of_torch(decay):
    ours, theirs = network(), network()
    adam = Adam(ours.parameters(), 1e-2, (0.5, 0.99), decay)
    adamw = torch.optim.AdamW(theirs.parameters(), 1e-2, (0.5, 0.99), weight_decay=decay, fused=True)
    descend(ours, adam, range(5))
    descend(theirs, adamw, range(5))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    adam.load_state_dict(adamw.state_dict())  # a checkpoint of torch's
    descend(ours, adam, range(5, 8))
    descend(theirs, adamw, range(5, 8))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_what_has_no_gradient_stays_and_state_is_exact():
    straight, broken = network(), network()
    for body in (straight, broken):
        body[0].requires_grad_(False)
    adam = Adam(straight.parameters(), 1e-2)
    descend(straight, adam, range(6))
    descend(broken, first := Adam(broken.parameters(), 1e-2), range(3))
    assert set(first.state_dict()["state"]) == {2, 3}
    assert torch.equal(broken[0].weight, network()[0].weight)
    second = Adam(broken.parameters(), 1e-2)
    second.load_state_dict(first.state_dict())
    moments = second.state[broken[2].weight]
    assert moments["exp_avg"].stride() == broken[2].weight.stride()
    descend(broken, second, range(3, 6))
    for mine, other in zip(straight.parameters(), broken.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(("steps", "rise"), [(100, 0.2), (37, 0.3), (1, 0.3)])
def test_one_cycle_is_that_of_torch(steps, rise):
    body = network()
    optimizer = torch.optim.AdamW(body.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2.0, steps, pct_start=rise)
    for step in range(steps):
        group = optimizer.param_groups[0]
        share, beta1 = one_cycle(step, steps, rise)
        assert (2 * share, beta1) == pytest.approx((group["lr"], group["betas"][0]), rel=1e-9)
        optimizer.step()
        if step + 1 < steps:
            schedule.step()


def test_a_training_loads_no_compiler(tmp_path):
    """Seconds at the start of every training, for nothing."""
    code = (
        "import sys; import creative_gan\n"
        "def report(row):\n"
        "    if row.get('seen', 0) > 0: raise EOFError\n"
        "try:\n"
        f"    creative_gan.train('image/digits', 'builtin:digits', r'{tmp_path / 'run'}', samples=640, report=report)\n"
        "except EOFError:\n"
        "    print('has begun')\n"
        "print(sorted(name for name in ('torch._dynamo', 'sympy', 'sklearn') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines() == ["has begun", "[]"], done.stdout + done.stderr
