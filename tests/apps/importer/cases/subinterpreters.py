"""Sub-interpreters, with the shared lock and with one of their own, import from the executable too."""

import _interpreters

CODE = """
from where import virtual
import json, decimal, sample.sub
from importlib import resources
assert sample.sub.__file__ == virtual("/~oxidize/app/sample/sub.py")
assert json.loads("[1, 2]") == [1, 2]
assert resources.files("sample").joinpath("data.txt").is_file()
assert isinstance(exit, object) and isinstance(help, object)
"""


def run():
    for kind in ("legacy", "isolated"):
        interpreter = _interpreters.create(kind)
        for _ in range(2):
            failure = _interpreters.exec(interpreter, CODE)
            assert failure is None, failure.formatted
        _interpreters.destroy(interpreter)
