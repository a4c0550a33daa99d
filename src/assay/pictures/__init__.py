"""Charts as SVG text: lines, points with intervals, bars and heat maps, and the axes and marks to draw others with.

A picture is shown as an image, never put into a page: what it says comes from the judged system. Every text in it is
escaped, colours can be told apart by the colour-blind and series also by their dashes and markers.
"""

from __future__ import annotations

from assay.pictures.chart import Chart
from assay.pictures.picture import Picture

__all__ = ["Chart", "Picture"]
