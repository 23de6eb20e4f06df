"""What every module gets: __file__, __path__, __spec__, __loader__, __package__, and no __cached__."""

import sys

import sample
import sample.sub
from where import virtual


def run():
    assert sample.__file__ == virtual("/~oxidize/app/sample/__init__.py")
    assert list(sample.__path__) == [virtual("/~oxidize/app/sample")]
    assert sample.__package__ == "sample"
    assert sample.__spec__.name == "sample"
    assert sample.__loader__ is sample.__spec__.loader
    assert sample.sub.__file__ == virtual("/~oxidize/app/sample/sub.py")
    assert not hasattr(sample.sub, "__path__")
    assert sample.sub.__package__ == "sample"
    assert sample.__doc__ == "A package to be looked at."
    assert repr(sample.sub) == f"<module 'sample.sub' from {virtual('/~oxidize/app/sample/sub.py')!r}>"
    for name, module in sorted(sys.modules.items()):
        assert getattr(module, "__cached__", None) is None, (name, module.__cached__)
    assert not hasattr(sample, "__cached__") and not hasattr(sample.sub, "__cached__")
    import json
    import os

    assert json.__file__ == virtual("/~oxidize/lib/python3.13/json/__init__.py")
    assert json.loads.__code__.co_filename == json.__file__
    assert sample.sub.answer.__code__.co_filename == sample.sub.__file__
    # os is frozen into the interpreter, as in every CPython, and still says where its source is.
    assert os.__file__ == virtual("/~oxidize/lib/python3.13/os.py")
    assert os.getenv.__code__.co_filename == "<frozen os>"
