"""The adversarial game: a critic turn on every batch, a generator turn after every n_critic of them.

Goodfellow 2014 (arXiv:1406.2661), Algorithm 1, with the losses of `losses.py` and the penalties of
`penalties.py`. A generator maps z [B, latent] and labels [B] (or None) to samples; a critic maps samples,
labels and the step's draws (for what is random in it, such as phase shuffle) to logits [B] or, of labels [B, K],
[B, K]. The game knows networks and optimisers; it knows nothing of data, files or the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from creative_gan.core import dist
from creative_gan.core.adam import Adam
from creative_gan.core.device import Compute
from creative_gan.core.draws import Draws
from creative_gan.core.ema import Ema
from creative_gan.core.errors import UserError
from creative_gan.core.health import check_finite
from creative_gan.core.losses import LOSSES, ONE_STAGE, SMOOTHABLE
from creative_gan.core.penalties import PENALTIES
from creative_gan.core.recipe import setting
from creative_gan.core.schedule import cosine, ramp

Batch = dict[str, Tensor]
Augment = Callable[[Tensor, Draws, float], Tensor]


@dataclass(frozen=True)
class GameRecipe:
    """How the game is played. Lengths of time are in samples seen."""

    loss: str = setting("relativistic", LOSSES)
    label_smoothing: float = setting(0.0, low=0, high=0.49)
    """The critic's target for real samples is 1 minus this."""
    mismatch: float = setting(0.0, low=0)
    """Where there are classes: weight of the critic's second task, to tell real samples under their own label from
    the same ones under another. After the matching-aware critic (Reed 2016, arXiv:1605.05396, section 4.2)."""
    r1: float = setting(0.0, low=0)
    """Gamma of gamma / 2 |grad D(real)|^2."""
    r2: float = setting(0.0, low=0)
    """Gamma of gamma / 2 |grad D(fake)|^2."""
    gp: float = setting(0.0, low=0)
    """Lambda of the WGAN-GP penalty; the paper has 10."""
    penalty_every: int = setting(1, low=1)
    """Penalties are computed on every k-th step, k times as strong (lazy regularisation, arXiv:1912.04958)."""
    penalty_end: float = setting(1.0, low=0)
    """What is left of r1 and r2 at the end, falling along a cosine."""
    clip: float = setting(0.0, low=0)
    """Clips the critic's weights to [-c, c] after each step, as the first Wasserstein GAN does; 0 is off."""
    n_critic: int = setting(1, low=1)
    """Critic turns for one generator turn."""
    one_stage: bool = setting(False)
    """Generator and critics move at once, from one pass of the critics (arXiv:2103.00430): a tenth to a sixth of the
    time less. Otherwise the generator is judged anew by critics that have just moved."""
    batch: int = setting(64, low=1)
    accumulate: int = setting(1, low=1)
    """Chunks that a batch is worked on in, to save memory; the result is the same."""
    lr: float = setting(2e-4, low=0)
    lr_critic: float = setting(0.0, low=0)
    """The critic's own learning rate (two time scales, arXiv:1706.08500); 0 means the same as lr."""
    lr_end: float = setting(1.0, low=0, high=1)
    """What is left of the learning rates at the end, falling along a cosine."""
    beta1: float = setting(0.0, low=0, high=0.9999)
    beta2: float = setting(0.99, low=0, high=0.99999)
    warmup: int = setting(0, low=0)
    """Samples over which the learning rates rise from zero."""
    ema: float = setting(10_000.0, low=0)
    """Half-life of the generator's moving average, in samples."""
    ema_ramp: float = setting(0.05, low=0)
    """The half-life is at most this share of what was seen; 0 is off."""
    instance_noise: float = setting(0.0, low=0)
    """Deviation of the noise on the critic's input at the start; it falls to zero along the run."""

    def __post_init__(self) -> None:
        if self.label_smoothing and self.loss not in SMOOTHABLE:
            raise ValueError(
                f"game.label_smoothing works with {', '.join(sorted(SMOOTHABLE))}, not {self.loss}"
            )
        if self.one_stage and self.loss not in ONE_STAGE:
            raise ValueError(f"game.one_stage works with {', '.join(sorted(ONE_STAGE))}, not {self.loss}")
        if self.batch % self.accumulate:
            raise ValueError(
                f"game.batch ({self.batch}) must be a multiple of game.accumulate ({self.accumulate})"
            )


@dataclass(frozen=True)
class AugmentRecipe:
    """How strongly real and generated samples are augmented before the critic sees them."""

    policy: tuple[str, ...] = setting(())
    """What is done, in this order; the modality's augment.py names what there is."""
    strength: float = setting(1.0, low=0, high=1)
    """Share of samples that each augmentation changes, or the most that the mode lets it become."""
    mode: str = setting("fixed", ("fixed", "scheduled", "adaptive"))
    """Fixed; rising along a cosine; or as much as keeps the critic from remembering (arXiv:2006.06676)."""
    target: float = setting(0.6, low=0, high=1)
    """Adaptive: the mean sign of D(real) - D(fake) to hold. Paired, because relativistic logits have no zero."""
    adapt: float = setting(100_000.0, low=1)
    """Adaptive: samples in which the strength can go from 0 to 1."""


_Played = tuple[Tensor | None, list[Tensor]]
"""Of a chunk: the samples with their graph, if it was kept, and each critic's logits of the real ones."""


class AdversarialGame:
    """Generator and critics with their optimisers; `step` plays one turn."""

    def __init__(
        self,
        generator: nn.Module,
        critics: dict[str, nn.Module],
        latent: int,
        recipe: GameRecipe,
        total: int,
        compute: Compute,
        augment: Augment | None = None,
        augment_recipe: AugmentRecipe | None = None,
        classes: int = 0,
    ) -> None:
        self.generator, self.critics = generator, nn.ModuleDict(critics)
        self.latent, self.recipe, self.total, self.compute = latent, recipe, total, compute
        self.augment, self.augment_recipe = augment, augment_recipe or AugmentRecipe()
        self.mismatch, self.classes = recipe.mismatch if classes > 1 else 0.0, classes
        for network in (generator, self.critics):
            compute.place(network)
            dist.broadcast(network)
        self.ema = Ema(generator, recipe.ema, recipe.ema_ramp)
        betas = (recipe.beta1, recipe.beta2)
        self.lr = {"generator": recipe.lr, "critic": recipe.lr_critic or recipe.lr}
        self.optimizers = {
            "generator": Adam(generator.parameters(), self.lr["generator"], betas),
            "critic": Adam(self.critics.parameters(), self.lr["critic"], betas),
        }
        self.critic_loss, self.generator_loss = LOSSES[recipe.loss]
        self.seen, self.lr_scale = 0, 1.0
        self.strength = self.augment_recipe.strength if self.augment_recipe.mode == "fixed" else 0.0

    def step(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        """A critic turn and, every n_critic-th time, a generator turn.

        Args:
            batch: `real` [B, ...] and, for conditional networks, `label` [B]: this process's rows.
            draws: the step's random numbers, of which this process's rows are ours.

        Returns:
            Detached scalars to log.

        Raises:
            NotFinite: NaN or infinity in data, losses or gradients; the weights were not touched by it.
        """
        check_finite(real=batch["real"])
        self._set_learning_rates()
        due = (self.seen // self.recipe.batch + 1) % self.recipe.n_critic == 0
        metrics, played = self._critic_turn(batch, draws, due)
        if due and self.recipe.one_stage:
            metrics["generator_gradient"] = self._update("generator")
        elif due:
            metrics |= self._generator_turn(batch, draws, played)
        self.seen += self.recipe.batch
        self._set_strength(metrics["sign"])
        if due:
            self.ema.update(self.generator, self.seen, self.recipe.batch * self.recipe.n_critic)
        return metrics | {"augment": torch.tensor(self.strength, device=self.compute.device)}

    def networks(self) -> dict[str, nn.Module]:
        """What is trained and averaged, by name."""
        return {"generator": self.generator, "critics": self.critics, "ema": self.ema.average}

    def state_dict(self) -> dict:
        """Everything that the next step depends on."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks().items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "seen": self.seen,
            "lr_scale": self.lr_scale,
            "strength": self.strength,
        }

    def load_state_dict(self, state: dict) -> None:
        """Goes on exactly where `state_dict` was taken."""
        for name, network in self.networks().items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.seen, self.lr_scale, self.strength = state["seen"], state["lr_scale"], state["strength"]

    def _critic_turn(self, batch: Batch, draws: Draws, due: bool) -> tuple[dict[str, Tensor], list[_Played]]:
        """Updates the critics; `due` says that a generator turn follows. Returns metrics and what that turn can use.

        In one stage the generator's gradient is left in its parameters too, and nothing is to be used.
        """
        recipe = self.recipe
        at_once = due and recipe.one_stage
        lazy = self.seen // recipe.batch % recipe.penalty_every == 0
        # a chunk's graph is kept for the generator's turn, unless chunks are there to save memory
        keep = due and recipe.accumulate == 1 and not at_once
        logged, played = [], []
        self.critics.requires_grad_(True)
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        for chunk, part in self._chunks(batch, draws):
            real, label = chunk["real"], chunk.get("label")
            made = self._fake(label, part, keep or at_once)
            fake = made.detach()
            # a leaf for each critic: its gradient is scaled by that critic's logits
            leaves = [made.detach().requires_grad_(at_once) for _ in self.critics]
            losses, logits = [], []
            for critic, leaf in zip(self.critics.values(), leaves, strict=True):
                with self.compute.autocast():
                    real_logit, mismatch = self._judge_real(critic, real, label, part)
                    fake_logit = critic(self._seen(leaf, part.of("fake")), label, part.of("fake")).float()
                losses.append(self.critic_loss(real_logit, fake_logit, recipe.label_smoothing) + mismatch)
                logits.append(torch.stack([real_logit, fake_logit]).detach())
            loss = torch.stack(losses).mean()
            penalty, sizes = self._penalties(real, fake, label, part) if lazy else (loss.new_zeros(()), {})
            ((loss + recipe.penalty_every * penalty) / recipe.accumulate).backward()
            if at_once:
                sizes["generator_loss"] = self._generator_backward(made, leaves, logits)
            logged.append({"critic_loss": loss.detach(), **_logit_metrics(torch.stack(logits)), **sizes})
            played.append((made if keep else None, [pair[0] for pair in logits]))
        norm = self._update("critic")
        if recipe.clip:  # Arjovsky 2017, Algorithm 1, line 7
            with torch.no_grad():
                for p in self.critics.parameters():
                    p.clamp_(-recipe.clip, recipe.clip)
        return _mean(logged) | {"critic_gradient": norm}, played

    def _generator_turn(self, batch: Batch, draws: Draws, played: list[_Played]) -> dict[str, Tensor]:
        """Updates the generator on the samples of the critic's turn, judged by the critics as they are now.

        A relativistic loss pairs them with the real logits of that turn, which are one update old.
        """
        logged = []
        self.critics.requires_grad_(False)
        self.optimizers["generator"].zero_grad()
        for (chunk, part), (made, real_logits) in zip(self._chunks(batch, draws), played, strict=True):
            label = chunk.get("label")
            fake = self._fake(label, part, True) if made is None else made
            losses = []
            for critic, real_logit in zip(self.critics.values(), real_logits, strict=True):
                with self.compute.autocast():
                    seen_as = part.of("generator")
                    logit = critic(self._seen(fake, seen_as), label, seen_as).float()
                losses.append(self.generator_loss(logit, real_logit, self.recipe.label_smoothing))
            loss = torch.stack(losses).mean()
            (loss / self.recipe.accumulate).backward()
            logged.append({"generator_loss": loss.detach()})
        return _mean(logged) | {"generator_gradient": self._update("generator")}

    def _generator_backward(self, made: Tensor, leaves: list[Tensor], logits: list[Tensor]) -> Tensor:
        """The generator's gradient from that of the critics' loss, in `leaves`; returns the generator's loss.

        Both losses see a sample through its logit alone, so their gradients at the sample differ by the factor
        (dLg / dD) / (dLd / dD). Shen 2021, section 3.3, arXiv:2103.00430.
        """
        gradient, losses = torch.zeros_like(made), []
        for leaf, (real_logit, fake_logit) in zip(leaves, logits, strict=True):
            assert leaf.grad is not None
            logit = fake_logit.clone().requires_grad_(True)
            critic_loss = self.critic_loss(real_logit, logit, self.recipe.label_smoothing)
            generator_loss = self.generator_loss(logit, real_logit, self.recipe.label_smoothing)
            (critic_slope,) = torch.autograd.grad(critic_loss.sum(), logit)
            (generator_slope,) = torch.autograd.grad(generator_loss.sum(), logit)
            # a critic so sure that its slope is nothing in float32 has no gradient to scale
            factor = generator_slope / critic_slope.clamp_min(torch.finfo(logit.dtype).tiny)
            gradient += leaf.grad * factor.view(-1, *[1] * (leaf.ndim - 1))
            losses.append(generator_loss.detach().mean())
        (made * gradient).sum().backward()  # made.backward(gradient) would load a second of shape algebra
        return torch.stack(losses).mean()

    def _fake(self, label: Tensor | None, draws: Draws, gradient: bool) -> Tensor:
        with torch.set_grad_enabled(gradient), self.compute.autocast():
            return self.generator(draws.normal("z", self.latent), label).float()

    def _judge_real(
        self, critic: nn.Module, real: Tensor, label: Tensor | None, draws: Draws
    ) -> tuple[Tensor, Tensor | float]:
        """The logits [B] of real samples and, weighted, -log sigmoid(D(x, y) - D(x, y')), y' any label but y."""
        seen_as = draws.of("real")
        seen = self._seen(real, seen_as)
        if label is None or not self.mismatch:
            return critic(seen, label, seen_as).float(), 0.0
        other = (label + draws.integers("mismatch", 1, self.classes)) % self.classes
        own, others = critic(seen, torch.stack([label, other], 1), seen_as).float().unbind(1)
        return own, self.mismatch * softplus(others - own)

    def _penalties(
        self, real: Tensor, fake: Tensor, label: Tensor | None, draws: Draws
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of the recipe's penalties, and the size of each."""
        recipe, total = self.recipe, real.new_zeros(())
        sizes: dict[str, Tensor] = {}
        fade = cosine(self.seen, self.total, 1.0, recipe.penalty_end)
        weights = {"r1": recipe.r1 / 2 * fade, "r2": recipe.r2 / 2 * fade, "gp": recipe.gp}
        with self.compute.exact():
            for name, weight in weights.items():
                if not weight:
                    continue
                for critic in self.critics.values():
                    # the gradient is taken at the sample as it is, through the augmentation
                    seen_as = draws.of("fake" if name == "r2" else "real")
                    values = PENALTIES[name](
                        lambda x, c=critic, d=seen_as: c(self._seen(x, d), label, d).float(),  # type: ignore[misc]
                        real,
                        fake,
                        draws,
                    )
                    total = total + weight * values.mean() / len(self.critics)
                    sizes[name] = sizes.get(name, 0.0) + values.mean().detach() / len(self.critics)
        return total, sizes

    def _seen(self, x: Tensor, draws: Draws) -> Tensor:
        if self.recipe.instance_noise:  # Sønderby 2017, arXiv:1610.04490, section 3.4
            deviation = self.recipe.instance_noise * (1 - ramp(self.seen, self.total))
            x = x + deviation * draws.normal("noise", *x.shape[1:])
        if self.augment is None or self.strength == 0:
            return x
        return self.augment(x, draws, self.strength)

    def _update(self, side: str) -> Tensor:
        """Averages over processes, refuses what is not finite, takes the step. Returns the gradient's norm."""
        network = self.critics if side == "critic" else self.generator
        dist.average_grads(network)
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        check_finite(**{f"{side}'s gradient": norm})
        self.optimizers[side].step()
        return norm

    def _chunks(self, batch: Batch, draws: Draws) -> list[tuple[Batch, Draws]]:
        size, rest = divmod(len(batch["real"]), self.recipe.accumulate)
        if rest or not size:
            raise UserError(
                f"this process's {len(batch['real'])} rows of a batch cannot be worked on in "
                f"{self.recipe.accumulate} chunks; change game.batch or game.accumulate"
            )
        slices = [slice(i * size, (i + 1) * size) for i in range(self.recipe.accumulate)]
        return [({key: value[s] for key, value in batch.items()}, draws.chunk(s)) for s in slices]

    def _set_learning_rates(self) -> None:
        recipe = self.recipe
        now = ramp(self.seen + recipe.batch, recipe.warmup) * cosine(
            self.seen, self.total, 1.0, recipe.lr_end
        )
        for side, optimizer in self.optimizers.items():
            optimizer.lr = self.lr[side] * now * self.lr_scale

    def _set_strength(self, sign: Tensor) -> None:
        recipe = self.augment_recipe
        if recipe.mode == "scheduled":
            self.strength = recipe.strength * (1 - cosine(self.seen, self.total))
        elif recipe.mode == "adaptive":
            change = self.recipe.batch / recipe.adapt
            up = dist.mean(sign).item() > recipe.target
            self.strength = min(max(self.strength + (change if up else -change), 0.0), recipe.strength)


def _logit_metrics(logits: Tensor) -> dict[str, Tensor]:
    """`logits`: [critics, real and fake, B]. `sign`: mean sign of D(real) - D(fake), 1 for a critic never wrong."""
    real, fake = logits.unbind(1)
    return {"real_logit": real.mean(), "fake_logit": fake.mean(), "sign": (real - fake).sign().mean()}


def _mean(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {key: torch.stack([row[key] for row in rows]).mean() for key in rows[0]}
