"""A package that reads what lies beside it."""

import os


def words():
    with open(os.path.join(os.path.dirname(__file__), "data", "words.txt"), encoding="utf-8") as stream:
        return stream.read().split()
