"""get_code: the code object, with the virtual path as its file name."""

import types

import json

import sample
import sample.sub
from where import virtual


def run():
    loader = sample.sub.__loader__
    code = loader.get_code("sample.sub")
    assert isinstance(code, types.CodeType)
    assert code.co_filename == virtual("/~oxidize/app/sample/sub.py")
    namespace = {"__name__": "elsewhere"}
    exec(code, namespace)
    assert namespace["LOADS"] == ["elsewhere"]
    assert sample.__loader__.get_code("sample").co_filename == virtual("/~oxidize/app/sample/__init__.py")
    assert json.__loader__.get_code("json").co_filename == virtual("/~oxidize/lib/python3.13/json/__init__.py")
    try:
        loader.get_code("no_such_module")
    except ImportError as error:
        assert error.name == "no_such_module", error.name
    else:
        raise AssertionError("the loader is for another module")
