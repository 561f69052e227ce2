"""Adversarial losses: pairs of pure functions on logits, one value per sample.

Every critic loss is `f(real, fake, smoothing) -> [B]` and every generator loss `f(fake, real, smoothing) -> [B]`,
with `real`, `fake`: [B] logits and `smoothing` in [0, 0.5) the one-sided label smoothing of Salimans 2016
(arXiv:1606.03498, section 3.4): the critic's target for real samples is 1 - smoothing. Losses whose critic has
no target ignore it; `SMOOTHABLE` names those that use it.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

Loss = Callable[[Tensor, Tensor, float], Tensor]


def cross_entropy_critic(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), D = sigmoid(logit). Goodfellow 2014, Eq. 1, arXiv:1406.2661."""
    return (1 - smoothing) * softplus(-real) + smoothing * softplus(real) + softplus(fake)


def minimax_generator(fake: Tensor, real: Tensor, smoothing: float = 0.0) -> Tensor:
    """log(1 - D(G(z))): the generator of the minimax game. Goodfellow 2014, Eq. 1."""
    return -softplus(fake)


def nonsaturating_generator(fake: Tensor, real: Tensor, smoothing: float = 0.0) -> Tensor:
    """-log D(G(z)): the same fixed point, stronger gradients early. Goodfellow 2014, section 3."""
    return softplus(-fake)


def least_squares_critic(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """((D(x) - 1)^2 + D(G(z))^2) / 2. Mao 2017, Eq. 9, arXiv:1611.04076."""
    return 0.5 * (real - (1 - smoothing)).square() + 0.5 * fake.square()


def least_squares_generator(fake: Tensor, real: Tensor, smoothing: float = 0.0) -> Tensor:
    """(D(G(z)) - 1)^2 / 2. Mao 2017, Eq. 9."""
    return 0.5 * (fake - 1).square()


def hinge_critic(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))). Lim & Ye 2017, arXiv:1705.02894; Miyato 2018, Eq. 16."""
    return relu(1 - real) + relu(1 + fake)


def linear_generator(fake: Tensor, real: Tensor, smoothing: float = 0.0) -> Tensor:
    """-D(G(z)): the generator of the hinge and the Wasserstein game."""
    return -fake


def wasserstein_critic(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """D(G(z)) - D(x), for a critic kept Lipschitz. Arjovsky 2017, Algorithm 1, arXiv:1701.07875."""
    return fake - real


def relativistic_critic(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """-log sigmoid(D(x) - D(G(z))), paired one to one. Jolicoeur-Martineau 2019, arXiv:1807.00734, Eq. 5."""
    return softplus(fake - real)


def relativistic_generator(fake: Tensor, real: Tensor, smoothing: float = 0.0) -> Tensor:
    """-log sigmoid(D(G(z)) - D(x)), paired one to one. arXiv:1807.00734, Eq. 6; Huang 2025, arXiv:2501.05441."""
    return softplus(real - fake)


LOSSES: dict[str, tuple[Loss, Loss]] = {
    "relativistic": (relativistic_critic, relativistic_generator),
    "nonsaturating": (cross_entropy_critic, nonsaturating_generator),
    "minimax": (cross_entropy_critic, minimax_generator),
    "lsgan": (least_squares_critic, least_squares_generator),
    "hinge": (hinge_critic, linear_generator),
    "wasserstein": (wasserstein_critic, linear_generator),
}

SMOOTHABLE = frozenset({"nonsaturating", "minimax", "lsgan"})

ONE_STAGE = frozenset({"relativistic", "nonsaturating", "minimax", "wasserstein"})
"""Losses whose critic never stops caring about a generated sample: dL/dD(G(z)) > 0, so that the generator's gradient
can be had from the critic's by a factor for each sample (Shen 2021, arXiv:2103.00430)."""
