"""Which device is taken, and how precisely it works, on machines that are not this one."""

import pytest
import torch

from creative_gan.core.device import choose, frozen_copy
from creative_gan.core.errors import UserError


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two old GPUs, which work in bfloat16 only by pretending."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)


def test_bfloat16_that_is_only_pretended_is_not_taken(gpus: None):
    found = choose("auto", "auto", 1)
    assert (found.device, found.bfloat16) == (torch.device("cuda", 1), False)
    assert choose("cuda", "bfloat16").bfloat16, "unless it is asked for"


def test_a_process_without_a_gpu_of_its_own_is_told_so(gpus: None):
    with pytest.raises(UserError, match="process 2 has no GPU of its own, for this machine has 2"):
        choose("auto", "auto", 2)


def test_a_frozen_copy_is_the_same_and_learns_nothing():
    network = torch.nn.LSTM(3, 5)
    made = frozen_copy(network)
    network.weight_ih_l0.data.zero_()
    assert made.weight_ih_l0.any() and not any(p.requires_grad for p in made.parameters())
    assert all(p.requires_grad for p in network.parameters())
