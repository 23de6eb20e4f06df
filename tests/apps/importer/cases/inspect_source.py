"""inspect.getsource and linecache show what is in the executable."""

import inspect
import linecache

import sample.sub


def run():
    source = inspect.getsource(sample.sub.answer)
    assert source == "def answer():\n    # The comment is part of the source.\n    return 42\n", source
    assert inspect.getsource(sample.sub.Shape) == "class Shape:\n    sides = 4\n"
    assert inspect.getsource(sample.sub).startswith('"""A module of the package."""\n')
    assert inspect.getsourcefile(sample.sub) == sample.sub.__file__
    assert inspect.getmodule(sample.sub.answer) is sample.sub
    line = linecache.getline(sample.sub.__file__, 1, sample.sub.__dict__)
    assert line == '"""A module of the package."""\n', line
    linecache.checkcache()
    assert inspect.getsource(sample.sub.answer) == source
    assert "def loads(" in inspect.getsource(__import__("json").loads)
