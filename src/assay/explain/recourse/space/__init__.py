"""Constraints applied to data: the moves that are open, what they cost and what they break."""

from assay.explain.recourse.space.binding import relaxed, space_of
from assay.explain.recourse.space.projection import project, settle
from assay.explain.recourse.space.space import Bools, Box, OneHot, Space, Violations

__all__ = ["Bools", "Box", "OneHot", "Space", "Violations", "project", "relaxed", "settle", "space_of"]
