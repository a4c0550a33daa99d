"""A network whose scores have nearly the same distribution in every group."""

from __future__ import annotations

from typing import Any

from assay.core.errors import unknown
from assay.fairness.inprocessing.network import Network, Tensors, log_loss
from assay.fairness.inprocessing.own_model import check_not_negative
from assay.fairness.mitigation.mitigation import mitigation

AMONG = {"demographic-parity": None, "equal-opportunity": 1, "fpr-parity": 0}


class MinDiff(Network):
    """Fits a network with a penalty on how far the distribution of scores in each group lies from all others' scores.

    The penalty is `strength` × Σ over groups of the squared maximum mean discrepancy with a Gaussian kernel of `width`
    on the score in [0, 1], of each batch: 0 where the distributions are the same. `constraint` says among which rows:
    all (demographic-parity), the favourable outcomes (equal-opportunity) or the others (fpr-parity). A group with
    fewer than two such rows in a batch has no penalty there. Decisions need no protected attribute. Needs the extra
    [deep] to fit, not to decide.
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        constraint: str = "demographic-parity",
        strength: float = 2.0,
        width: float = 0.1,
        steps: int = 800,
        batch: int = 512,
        hidden: int = 32,
        rate: float = 0.003,
        seed: int = 0,
    ) -> None:
        super().__init__(estimator)
        self.constraint = constraint
        self.strength = strength
        self.width = width
        self.steps = steps
        self.batch = batch
        self.hidden = hidden
        self.rate = rate
        self.seed = seed

    def train(self, network: Any, tensors: Tensors, /) -> None:
        """Log-loss and penalty are minimised together."""
        if self.constraint not in AMONG:
            raise unknown("constraint", self.constraint, AMONG, code="parameter")
        check_not_negative(strength=self.strength, width=self.width, rate=self.rate)
        torch = tensors.torch
        ours = torch.optim.Adam(network.parameters(), lr=self.rate)
        among = AMONG[self.constraint]
        for rows in tensors.batches(self.steps):
            z = network(rows.x)[:, 0]
            there = slice(None) if among is None else rows.y == among
            member = torch.nn.functional.one_hot(rows.codes[there], tensors.groups).T * rows.weight[there]
            apart = discrepancy(torch, torch.sigmoid(z[there]), member, self.width)
            loss = log_loss(torch, z, rows.y, rows.weight) + self.strength * apart
            ours.zero_grad()
            loss.backward()
            ours.step()


def discrepancy(torch: Any, score: Any, members: Any, width: float, /) -> Any:
    """Σ over groups of MMD² between its scores and those of all other rows.

    `members` (groups, rows) has the weight of the row in its group, 0 elsewhere. Gretton et al. (2012), eq. 5.
    """
    kernel = torch.exp(-(((score[:, None] - score[None, :]) / width) ** 2) / 2)
    inside = members.sum(dim=1, keepdim=True)
    outside = inside.sum() - inside
    there = ((members > 0).sum(dim=1) > 1) & (outside[:, 0] > 0)
    apart = members / inside.clamp(min=1e-12) - (members.sum(dim=0) - members) / outside.clamp(min=1e-12)
    apart = apart[there]
    return ((apart @ kernel) * apart).sum()


mindiff = mitigation(
    "mindiff",
    title="A network whose scores have nearly the same distribution in every group",
    promise="The distributions of scores are pulled together, more so with strength, by their mean discrepancy",
    source="Prost, Qian, Chen, Chi, Chen & Beutel (2019), Toward a better trade-off with kernel-based matching",
)(MinDiff)
