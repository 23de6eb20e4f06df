"""is_package: True, False, or ImportError."""

import sample
import sample.inner
import sample.sub


def run():
    loader = sample.__loader__
    assert loader.is_package("sample") is True
    assert sample.sub.__loader__.is_package("sample.sub") is False
    assert sample.inner.__loader__.is_package("sample.inner") is True
    try:
        loader.is_package("no_such_module")
    except ImportError:
        pass
    else:
        raise AssertionError("the loader is for another module")
