"""`assay fairness subgroups`: where the model does worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assay.core.finding import Run
from assay.core.house import House
from assay.core.part import command
from assay.fairness.subgroups.case_rows import case_rows
from assay.fairness.subgroups.discovery import Discovery, find
from assay.fairness.subgroups.error_analysis.heat_map import ErrorMap, error_map
from assay.fairness.subgroups.error_analysis.tree import Node, error_tree
from assay.fairness.subgroups.search import Search

if TYPE_CHECKING:
    from assay.data.case import Case


@dataclass(frozen=True)
class SubgroupAnswer:
    """The worst slices as a stored Run, and where asked for a tree and a map of the errors."""

    run: Run
    found: Discovery
    tree: Sequence[Node]
    map: ErrorMap | None

    def text(self) -> str:
        """One line a slice, then the tree and the map."""
        lines = [f"Worst slices by {self.found.outcome.what}, measured on rows they were not found on:"]
        for finding in self.run.findings:
            m = finding.measure
            if m.value is None:
                lines.append(f"  {m.reason.text() if m.reason else 'none'}")
                continue
            where = " and ".join(
                f"{name} = {'(missing)' if level is None else level}" for name, level in m.slice.items()
            )
            span = f" [{m.interval.low:+.3f}, {m.interval.high:+.3f}]" if m.interval else ""
            p = f"  p = {finding.p_adjusted:.2g} adjusted" if finding.p_adjusted is not None else ""
            lines.append(f"  {m.value:+.3f}{span}  n = {m.rows[0]:,}  {where}{p}")
        if self.tree:
            lines += ["", "Where the errors are (a tree, counted on rows it was not grown on):"]
            lines += _branches(self.tree, None)
        if self.map is not None:
            lines += ["", f"Rate by {self.map.columns[0]} (down) and {self.map.columns[1]} (across):", *_grid(self.map)]
        lines += ["", f"Run {self.run.id}. See it again with: assay run show {self.run.id} --all"]
        return "\n".join(_visible(line) for line in lines)

    def to_json(self) -> dict[str, Any]:
        """The Run with its Findings, the nodes of the tree and the cells of the map."""
        nodes = [
            {
                "id": n.id,
                "parent": n.parent,
                "split": [n.split.column, n.split.relation, n.split.level] if n.split else None,
                "rows": n.rows,
                "value": n.value,
                "interval": n.interval.to_json() if n.interval else None,
                "coverage": n.coverage,
            }
            for n in self.tree
        ]
        cells = [
            {
                "slice": cell.slice,
                "rows": cell.rows,
                "value": cell.value,
                "interval": cell.interval.to_json() if cell.interval else None,
            }
            for line in (self.map.cells if self.map else ())
            for cell in line
        ]
        return self.run.to_json() | {"tree": nodes, "map": cells}


@command(title="The worst slices of the data, over any columns, told apart and tested where they were not found")
def subgroups(
    house: House,
    case: Case,
    /,
    *,
    outcome: str | None = None,
    max_depth: int = 3,
    top: int = 10,
    support: float = 0.01,
    rank: Literal["score", "difference", "significance"] = "score",
    bins: int = 10,
    confirm: Literal["held-out", "permutation"] = "held-out",
    permutations: int = 199,
    tree: bool = True,
    over: tuple[str, ...] = (),
    level: float = 0.95,
    seed: int = 0,
) -> SubgroupAnswer:
    """Search every conjunction of up to `max_depth` columns for the slices where the model does worst.

    Like the check fairness.subgroups, and stored as a Run of it, with a decision tree of the errors and, for two
    columns named by `--over`, a map of the rate in every cell. `outcome`: error, fpr, fnr, selection_rate, log_loss or
    squared_error; absolute_error or squared_error for a regression. `confirm`: held-out, or permutation on all
    rows.
    """
    taken = case_rows(case, what=outcome, seed=seed)
    found = find(
        taken.table,
        taken.outcome,
        weights=taken.weights,
        units=taken.units,
        search=Search(max_depth=max_depth, top=top, support=support, rank=rank),
        bins=bins,
        confirm=confirm,
        permutations=permutations,
        level=level,
        seed=seed,
    )
    params = {"outcome": found.outcome.what, "max_depth": max_depth, "top": top, "support": support, "rank": rank}
    params |= {"bins": bins, "confirm": confirm, "permutations": permutations, "level": level, "seed": seed}
    run = house.judge("fairness.subgroups", case, tuple(found.measures()), params=params)
    plain = taken.weights is None and taken.units is None
    nodes = error_tree(found.encoded, found.rows, level=level, seed=seed) if tree and plain else ()
    grid = error_map(found.encoded, found.rows, over[0], over[1], level=level) if len(over) == 2 else None
    return SubgroupAnswer(run, found, nodes, grid)


def _branches(nodes: Sequence[Node], parent: int | None) -> list[str]:
    """The nodes below `parent`, each followed by its own."""
    below = [node for node in nodes if node.parent == parent]
    return [line for node in below for line in (_branch(node), *_branches(nodes, node.id))]


def _branch(node: Node) -> str:
    split = node.split
    said = f"{split.column} {split.relation} {split.level or ''}".rstrip() if split else "all rows"
    rate = f"{node.value:.3f}" if node.value is not None else "no rows"
    share = f", {node.coverage:.0%} of all errors" if node.coverage is not None else ""
    return f"  {'  ' * node.depth}{said}: {rate} of {node.rows:,}{share}"


def _grid(found: ErrorMap) -> list[str]:
    """The map as aligned text: rate and rows in every cell."""
    down, across = ([("(missing)" if level is None else level) for level in levels] for levels in found.levels)
    body = [["–" if c.value is None else f"{c.value:.3f} of {c.rows:,}" for c in line] for line in found.cells]
    table = [["", *across], *([name, *line] for name, line in zip(down, body, strict=True))]
    widths = [max(len(row[i]) for row in table) for i in range(len(across) + 1)]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]


def _visible(text: str) -> str:
    """Control characters of the data written out, so that they cannot steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)
