"""A module of the package."""

LOADS = []
LOADS.append(__name__)


def answer():
    # The comment is part of the source.
    return 42


def fail():
    raise ValueError("on purpose")


class Shape:
    sides = 4
