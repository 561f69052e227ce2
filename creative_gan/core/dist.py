"""Several processes as one: torchrun, averaged gradients, replicas that agree.

There is no wrapper around networks: DistributedDataParallel is silently wrong for lazy penalties, for two
forward passes before two backward passes and for methods other than `forward`. Gradients are averaged by
`average_grads` between `backward()` and the optimiser's step.
"""

import os
from typing import Any

import torch
import torch.distributed as torch_dist
from torch import Tensor, nn

from creative_gan.core.errors import UserError


def start(device_type: str) -> None:
    """Joins the group that torchrun describes in the environment, if there is one."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch_dist.is_initialized():
        if device_type == "cuda":
            torch.cuda.set_device(local_rank())
        # gloo beside nccl, for the plain numbers that stay on the CPU
        torch_dist.init_process_group("cpu:gloo,cuda:nccl" if device_type == "cuda" else "gloo")


def stop() -> None:
    """Leaves the group."""
    if torch_dist.is_initialized():
        torch_dist.destroy_process_group()


def rank() -> int:
    """This process's number, 0 for the one that writes files."""
    return torch_dist.get_rank() if torch_dist.is_initialized() else int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """This process's number on its own machine, which is the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def world() -> int:
    """How many processes there are."""
    return torch_dist.get_world_size() if torch_dist.is_initialized() else 1


def is_main() -> bool:
    """Whether this process is the one that writes files."""
    return rank() == 0


def rows(batch: int) -> slice:
    """The rows of a whole batch that are this process's: every n-th of n processes.

    So a part of the batch is made of the same rows however many processes cut theirs.

    Raises:
        UserError: the batch cannot be divided among the processes.
    """
    if batch % world():
        raise UserError(f"a batch of {batch} cannot be shared by {world()} processes; choose a multiple")
    return slice(rank(), batch, world())


def average_grads(network: nn.Module) -> None:
    """Replaces every gradient by its mean over the processes.

    Parameters without a gradient count as zero: skipping them would pair different parameters when
    processes take different branches.
    """
    if world() == 1:
        return
    parameters = [p for p in network.parameters() if p.requires_grad]
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = torch.cat([p.grad.flatten() for p in parameters])  # type: ignore[union-attr]
    torch_dist.all_reduce(flat)
    flat /= world()
    for p, piece in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        p.grad.copy_(piece.view_as(p))  # type: ignore[union-attr]  # in place: fused optimisers need the layout


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes."""
    if world() > 1:
        value = value.clone()
        torch_dist.all_reduce(value)
        value /= world()
    return value


def gathered(value: Tensor) -> Tensor:
    """The rows of all processes, in the order of the processes. value: [B, ...]. Returns [world * B, ...]."""
    if world() == 1:
        return value
    every = [torch.empty_like(value) for _ in range(world())]
    torch_dist.all_gather(every, value.contiguous())
    return torch.cat(every)


def mean_with_gradient(value: Tensor) -> Tensor:
    """The mean of a tensor over the processes, through which gradients flow back to all of them."""
    return _Sum.apply(value) / world()


class _Sum(torch.autograd.Function):
    """The sum over the processes; its gradient is the sum of what all of them send back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        torch_dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)


def anyone(flag: bool) -> bool:
    """Whether the flag is up in any process: all of them then act alike."""
    if world() == 1:
        return flag
    value = torch.tensor(float(flag))
    torch_dist.all_reduce(value, torch_dist.ReduceOp.MAX)
    return bool(value.item())


def broadcast(network: nn.Module) -> None:
    """Gives every process the weights and buffers of the first."""
    if world() > 1:
        for tensor in [*network.parameters(), *network.buffers()]:
            torch_dist.broadcast(tensor.data, 0)


def check_in_step(network: nn.Module) -> None:
    """Fails when the processes' weights have drifted apart."""
    if world() > 1:
        total = sum(p.detach().double().sum() for p in network.parameters())
        pair = torch.stack([total, -total])  # type: ignore[list-item]
        torch_dist.all_reduce(pair, torch_dist.ReduceOp.MAX)
        assert pair.sum().item() == 0, "the processes' weights differ: gradients were not averaged everywhere"


def barrier() -> None:
    """Waits for the other processes."""
    if world() > 1:
        torch_dist.barrier()
