"""is_package: True, False, or ImportError."""

import sample


def run():
    loader = sample.__loader__
    assert loader.is_package("sample") is True
    assert loader.is_package("sample.sub") is False
    assert loader.is_package("sample.inner") is True
    try:
        loader.is_package("no_such_module")
    except ImportError:
        pass
    else:
        raise AssertionError("there is no such module")
