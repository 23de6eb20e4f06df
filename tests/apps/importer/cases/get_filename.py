"""get_filename: the virtual path."""

import sample
from where import virtual


def run():
    loader = sample.__loader__
    assert loader.get_filename("sample") == virtual("/~oxidize/app/sample/__init__.py")
    assert loader.get_filename("sample.sub") == virtual("/~oxidize/app/sample/sub.py")
    assert loader.get_filename("os") == virtual("/~oxidize/lib/python3.13/os.py")
    try:
        loader.get_filename("no_such_module")
    except ImportError:
        pass
    else:
        raise AssertionError("there is no such module")
