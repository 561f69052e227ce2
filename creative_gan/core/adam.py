"""Adam without torch.optim's class, which loads a compiler: seconds at the start of every training."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

MOMENTS = ("exp_avg", "exp_avg_sq")


class Adam:
    """Kingma & Ba 2015 (arXiv:1412.6980), algorithm 1, by torch's fused kernel.

    `weight_decay` stands apart from the gradient (AdamW: Loshchilov & Hutter 2019, arXiv:1711.05101). `lr` and
    `betas` may be set before every step and are no part of the state.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.betas, self.weight_decay = lr, betas, weight_decay
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forgets the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves every parameter that has a gradient."""
        moved = [parameter for parameter in self.parameters if parameter.grad is not None]
        for parameter in moved:
            if parameter not in self.state:
                step = torch.zeros((), device=parameter.device)
                self.state[parameter] = {"step": step} | {
                    name: torch.zeros_like(parameter) for name in MOMENTS
                }
        state = [self.state[parameter] for parameter in moved]
        adam(
            moved,  # type: ignore[arg-type]
            [parameter.grad for parameter in moved],  # type: ignore[misc]
            [row["exp_avg"] for row in state],
            [row["exp_avg_sq"] for row in state],
            [],
            [row["step"] for row in state],
            fused=True,
            decoupled_weight_decay=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.lr,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )

    def state_dict(self) -> dict:
        """The moments by the parameter's number, as torch.optim.Adam has them too."""
        numbers = {parameter: number for number, parameter in enumerate(self.parameters)}
        return {"state": {numbers[parameter]: row for parameter, row in self.state.items()}}

    def load_state_dict(self, state: dict) -> None:
        """Goes on where `state_dict` was taken, here or by torch.optim.Adam."""
        self.state = {}
        for number, row in state["state"].items():
            parameter = self.parameters[number]
            # in the memory format of their parameter, which is quicker and rounds as before
            moments = {name: torch.empty_like(parameter).copy_(row[name]) for name in MOMENTS}
            self.state[parameter] = {"step": row["step"].to(parameter.device, copy=True)} | moments
