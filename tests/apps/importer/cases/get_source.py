"""get_source: text, decoded as the file says, with universal newlines."""

import latin
import sample
import sample.sub

import cases


def run():
    loader = sample.sub.__loader__
    source = loader.get_source("sample.sub")
    assert "# The comment is part of the source.\n" in source
    assert source.startswith('"""A module of the package."""\n')
    assert latin.TEXT == "été"
    assert 'TEXT = "été"' in latin.__loader__.get_source("latin")
    assert cases.__loader__.get_source("cases") == ""
    try:
        loader.get_source("no_such_module")
    except ImportError:
        pass
    else:
        raise AssertionError("the loader is for another module")
