"""Interpreters with locks of their own import at the same time.

Modules in Python only: CPython 3.13 itself crashes when its static types are set up by two such interpreters at once.
"""

import _interpreters
import threading

CODE = """
from where import virtual
import colorsys, graphlib, html.entities, sample.inner.leaf
from importlib import resources
assert sample.inner.leaf.LEAF == "leaf"
assert graphlib.__file__ == virtual("/~oxidize/lib/python3.13/graphlib.py")
"""


def run():
    interpreters = [_interpreters.create("isolated") for _ in range(4)]
    failures = []

    def work(interpreter):
        failures.append(_interpreters.exec(interpreter, CODE))

    threads = [threading.Thread(target=work, args=(interpreter,)) for interpreter in interpreters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [None] * 4, failures
    for interpreter in interpreters:
        _interpreters.destroy(interpreter)
