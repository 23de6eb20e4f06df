"""get_filename: the virtual path."""

import json

import sample
import sample.sub
from where import virtual


def run():
    loader = sample.__loader__
    assert loader.get_filename() == loader.get_filename("sample") == virtual("/~oxidize/app/sample/__init__.py")
    assert sample.sub.__loader__.get_filename("sample.sub") == virtual("/~oxidize/app/sample/sub.py")
    assert json.__loader__.get_filename("json") == virtual("/~oxidize/lib/python3.13/json/__init__.py")
    try:
        loader.get_filename("no_such_module")
    except ImportError:
        pass
    else:
        raise AssertionError("the loader is for another module")
