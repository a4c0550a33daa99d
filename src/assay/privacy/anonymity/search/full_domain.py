"""Every value of a column generalised to one level: the levels that lose least, found over the whole lattice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.privacy.anonymity.hierarchies.hierarchy import Ladder, Level
from assay.privacy.anonymity.measures.classes import Classes, combined
from assay.privacy.anonymity.search.recoded import Recoded, RecodedColumn
from assay.privacy.anonymity.search.requirement import Requirement
from assay.privacy.anonymity.table import CodedColumn, Codes, Floats

Node = tuple[int, ...]
MOST_NODES = 2_000_000
OPEN, FAILS, PASSES = 0, 1, 2


@dataclass(eq=False)
class _Search:
    """What the search knows: the combinations of values with their rows, and the lattice.

    `loss` is the generalised loss of each node before suppression, `state` whether it is k-anonymous within the limit.
    """

    ladders: Sequence[Ladder]
    sensitive: Sequence[CodedColumn]
    requirement: Requirement
    most: int
    combinations: Classes = field(init=False)
    codes: list[Codes] = field(init=False)
    loss: Floats = field(init=False)
    state: NDArray[np.int8] = field(init=False)

    def __post_init__(self) -> None:
        columns = [found.column for found in self.ladders]
        rows = len(columns[0].codes)
        self.combinations = combined([(column.codes, column.size) for column in columns], rows)
        first = np.empty(len(self.combinations.sizes), dtype=np.int64)
        first[self.combinations.ids[::-1]] = np.arange(rows)[::-1]
        self.codes = [column.codes[first] for column in columns]
        shape = tuple(len(found.levels) for found in self.ladders)
        if int(np.prod([float(size) for size in shape])) > MOST_NODES:
            raise AssayError(
                f"The hierarchies span more than {MOST_NODES:,} generalisations.",
                code="lattice",
                hint="Give hierarchies with fewer levels, fewer quasi-identifiers, or use method='mondrian'.",
            )
        self.loss = np.zeros(shape)
        for axis, found in enumerate(self.ladders):
            means = [float((level.loss * level.rows).sum()) / rows for level in found.levels]
            self.loss += np.reshape(means, [-1 if a == axis else 1 for a in range(len(shape))]) / len(shape)
        self.state = np.zeros(shape, dtype=np.int8)

    def classes(self, node: Node) -> Classes:
        """Classes of the combinations at `node`, with the rows behind them as sizes."""
        parts = [
            (found.levels[level].groups[codes], len(found.levels[level].texts))
            for found, level, codes in zip(self.ladders, node, self.codes, strict=True)
        ]
        found = combined(parts, len(self.combinations.sizes))
        sizes = np.bincount(found.ids, weights=self.combinations.sizes).astype(np.int64)
        return Classes(found.ids, sizes)

    def settle(self, node: Node) -> None:
        """Decide k-anonymity of `node` by halving a path from it to the top: what is above a pass passes, and so on."""
        path = [node]
        while any(at < size - 1 for at, size in zip(path[-1], self.state.shape, strict=True)):
            up = [
                (*path[-1][:axis], path[-1][axis] + 1, *path[-1][axis + 1 :])
                for axis, size in enumerate(self.state.shape)
                if path[-1][axis] < size - 1
            ]
            path.append(min(up, key=lambda at: float(self.loss[at])))
        low, high = 0, len(path)
        while low < high:
            middle = (low + high) // 2
            at = path[middle]
            if self.state[at] == OPEN:
                sizes = self.classes(at).sizes
                good = int(sizes[sizes < self.requirement.k].sum()) <= self.most
                region = tuple(slice(level, None) if good else slice(0, level + 1) for level in at)
                self.state[region] = PASSES if good else FAILS
            low, high = (low, middle) if self.state[at] == PASSES else (middle + 1, high)

    def kept(self, node: Node) -> NDArray[np.bool_] | None:
        """(rows,) the rows that stay at `node`, classes that fail being left out; None where more than `most` fail.

        What is left has another distribution to be close to, so that t is asked again until no class fails.
        """
        ids = self.classes(node).ids[self.combinations.ids]
        stays = np.ones(len(ids), dtype=bool)
        while True:
            places = np.flatnonzero(stays)
            _, here, sizes = np.unique(ids[places], return_inverse=True, return_counts=True)
            classes = Classes(here.reshape(-1).astype(np.int64), sizes.astype(np.int64))
            codes = [column.codes[places] for column in self.sensitive]
            good = self.requirement.meets(classes, self.sensitive, [None] * len(codes), codes)
            if good.all():
                return stays
            stays[places] = good[classes.ids]
            if len(stays) - int(stays.sum()) > self.most or not stays.any():
                return None

    def total(self, node: Node, stays: NDArray[np.bool_]) -> float:
        """The generalised loss of `node` where rows that do not stay lose everything."""
        cells = [
            found.levels[level].loss[found.levels[level].groups[found.column.codes]][stays].sum()
            for found, level in zip(self.ladders, node, strict=True)
        ]
        return float((sum(cells) / len(cells) + (~stays).sum()) / len(stays))


def full_domain(
    ladders: Sequence[Ladder], sensitive: Sequence[CodedColumn], requirement: Requirement, /, *, suppression: float
) -> Recoded:
    """The Recoded of least generalised loss among all levels of `ladders` that meet `requirement`.

    Up to the share `suppression` of the rows may be left out. Nodes of the lattice are tried in the order of their loss
    without suppression, a lower bound of what they lose, until no open one can be better: so the result is optimal.
    k-anonymity only gains by generalising, which decides most nodes unseen, by paths halved as in Flash (Kohlmayer et
    al. 2012, SocialCom) on the property that Incognito uses (LeFevre, DeWitt & Ramakrishnan 2005, SIGMOD); l and t with
    suppression have no such property and are asked of every candidate.

    Raises AssayError where even the top of the lattice does not meet it.
    """
    rows = len(ladders[0].column.codes)
    search = _Search(ladders, sensitive, requirement, int(suppression * rows + 1e-9))
    best: tuple[float, Node, NDArray[np.bool_]] | None = None
    for flat in np.argsort(search.loss, axis=None, kind="stable"):
        node = tuple(int(level) for level in np.unravel_index(flat, search.loss.shape))
        if best is not None and search.loss[node] >= best[0]:
            break
        if search.state[node] == OPEN:
            search.settle(node)
        stays = search.kept(node) if search.state[node] == PASSES else None
        if stays is not None:
            total = search.total(node, stays)
            best = (total, node, stays) if best is None or total < best[0] else best
    if best is None:
        raise AssayError(
            f"No generalisation of these {rows:,} rows meets the requirement, not even one value for all.",
            code="requirement",
            hint="Ask for less, or allow more suppression.",
        )
    _, node, stays = best
    columns = [_recoded(found, level, stays) for found, level in zip(ladders, node, strict=True)]
    return Recoded(np.flatnonzero(stays), tuple(columns), "full-domain generalisation")


def _recoded(found: Ladder, level: int, stays: NDArray[np.bool_]) -> RecodedColumn:
    column, here = found.column, found.levels[level]
    low, high, members = _extent(column, here)
    groups = here.groups[column.codes[stays]]
    return RecodedColumn(column, groups, here.texts, here.loss, here.rows, low, high, members, level > 0)


def _extent(column: CodedColumn, level: Level) -> tuple[Floats, Floats, NDArray[np.bool_] | None]:
    count = len(level.texts)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, level.groups, column.positions)
    np.maximum.at(high, level.groups, column.positions)
    if column.kind != "category":
        return low, high, None
    members = np.zeros((count, column.size), dtype=bool)
    members[level.groups, np.arange(column.size)] = True
    return low, high, members
