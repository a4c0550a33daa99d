"""A network from whose score an adversary learns little about the group."""

from __future__ import annotations

from typing import Any

from assay.core.errors import unknown
from assay.fairness.inprocessing.network import Network, Tensors, log_loss
from assay.fairness.inprocessing.own_model import check_not_negative
from assay.fairness.mitigation.mitigation import mitigation

CONSTRAINTS = ("demographic-parity", "equalized-odds")


class AdversarialDebiasing(Network):
    """Fits a network against an adversary that tells the group from the network's log-odds.

    The network steps along ∇L − proj(∇L onto ∇A) − `strength` ∇A, layer by layer, L being its log-loss and A the loss
    of a linear adversary: it never helps the adversary. For `constraint` "equalized-odds" the adversary also sees the
    outcome. Fitting is a game and may not settle; look at the gap on held-out rows. `strength` grows to its full over
    the first half of the `steps`; over the second the network's steps shrink to nothing. Decisions need no protected
    attribute. Needs the extra [deep] to fit, not to decide.
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        constraint: str = "demographic-parity",
        strength: float = 1.0,
        steps: int = 1500,
        batch: int = 512,
        hidden: int = 32,
        rate: float = 0.003,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator)
        self.constraint = constraint
        self.strength = strength
        self.steps = steps
        self.batch = batch
        self.hidden = hidden
        self.rate = rate
        self.seed = seed

    def train(self, network: Any, tensors: Tensors, /) -> None:
        """Both are fitted in turn, batch by batch."""
        if self.constraint not in CONSTRAINTS:
            raise unknown("constraint", self.constraint, CONSTRAINTS, code="parameter")
        check_not_negative(strength=self.strength, rate=self.rate)
        torch = tensors.torch
        adversary = torch.nn.Linear(5 if self.constraint == "equalized-odds" else 2, tensors.groups)
        ours = torch.optim.Adam(network.parameters(), lr=self.rate)
        theirs = torch.optim.Adam(adversary.parameters(), lr=30 * self.rate)
        for step, rows in enumerate(tensors.batches(self.steps), 1):
            strength = self.strength * min(1.0, 2 * step / self.steps)
            ours.param_groups[0]["lr"] = self.rate * min(1.0, 2 - 2 * step / (self.steps + 1))
            z = network(rows.x)[:, 0]
            told = adversary(self._seen(torch, z, rows.y))
            attack = (rows.weight * torch.nn.functional.cross_entropy(told, rows.codes, reduction="none")).mean()
            own = torch.autograd.grad(log_loss(torch, z, rows.y, rows.weight), network.parameters(), retain_graph=True)
            foe = torch.autograd.grad(attack, network.parameters(), retain_graph=True)
            theirs.zero_grad()
            attack.backward(inputs=list(adversary.parameters()))
            theirs.step()
            _steer(torch, network, own, foe, strength)
            ours.step()

    def _seen(self, torch: Any, z: Any, y: Any) -> Any:
        """What the adversary sees of a row: score and tanh of its log-odds; or the outcome, and both for each one."""
        seen = torch.stack([torch.sigmoid(z), torch.tanh(z)], dim=1)
        if self.constraint == "demographic-parity":
            return seen
        return torch.cat([y[:, None], seen * y[:, None], seen * (1 - y)[:, None]], dim=1)


def _steer(torch: Any, network: Any, own: Any, foe: Any, strength: float) -> None:
    """The gradient of every layer: eq. 1 of the paper."""
    for layer, toward, away in zip(network.parameters(), own, foe, strict=True):
        norm = away.norm()
        unit = away / norm if norm > 1e-12 else torch.zeros_like(away)
        layer.grad = toward - (toward * unit).sum() * unit - strength * away


adversarial = mitigation(
    "adversarial-debiasing",
    title="A network from whose score an adversary learns little about the group",
    promise="The score is fitted so that a linear adversary tells the group from it as badly as possible",
    source="Zhang, Lemoine & Mitchell (2018), Mitigating unwanted biases with adversarial learning, eq. 1",
)(AdversarialDebiasing)
