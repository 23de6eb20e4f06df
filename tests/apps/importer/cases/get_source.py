"""get_source: text, decoded as the file says, with universal newlines."""

import latin
import sample


def run():
    loader = sample.__loader__
    source = loader.get_source("sample.sub")
    assert "# The comment is part of the source.\n" in source
    assert source.startswith('"""A module of the package."""\n')
    assert latin.TEXT == "été"
    assert 'TEXT = "été"' in loader.get_source("latin")
    assert loader.get_source("cases") == ""
    try:
        loader.get_source("no_such_module")
    except ImportError:
        pass
    else:
        raise AssertionError("there is no such module")
