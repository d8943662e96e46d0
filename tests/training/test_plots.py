"""The figures."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from training import plots
from training.analysis import Interval

SURE = Interval(0.8, 0.7, 0.9)
DRAWINGS = {
    "reliability": lambda name: plots.reliability(name, [(10, 0.4, Interval(0.5, 0.2, 0.7)), (90, 0.8, SURE)]),
    "coverage": lambda name: plots.coverage(name, (np.array([0.1, 1]), np.array([0.9, 0.8])), [(0.5, 0.6, SURE)]),
    "learning": lambda name: plots.learning(name, [100, 200], [("accuracy", [SURE, SURE])]),
    "forest": lambda name: plots.forest(name, [("region: Asia & Oceania", SURE), ("one", SURE)], SURE),
}
drawings = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)


@drawings
def test_for_a_page(draw):
    """A figure is one well-formed element with a name for readers, in the page's colours, that loads nothing."""
    svg = draw("one")
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)) <= {
        "none", "var(--ink)", "var(--soft)", "var(--line)", "var(--first)", "var(--second)", "var(--third)",
    }  # fmt: skip
    assert not re.search(r"<script|<metadata|<image|url\((?!#)", svg)


@drawings
def test_same_bytes(draw):
    """The same data give the same bytes."""
    assert draw("one") == draw("one")


def test_side_by_side():
    """Two figures on a page share no name, and each refers to its own."""
    names = [set(re.findall(r'\bid="([^"]+)"', draw(name))) for name, draw in DRAWINGS.items()]
    assert all(names)
    assert len(set().union(*names)) == sum(map(len, names))
    for name, draw in DRAWINGS.items():
        svg = draw(name)
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) <= set(re.findall(r'\bid="([^"]+)"', svg))
