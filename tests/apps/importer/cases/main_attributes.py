"""The running program is __main__ with a spec, as under `python -m`."""

import sys

from where import virtual


def run():
    main = sys.modules["__main__"]
    assert main.__name__ == "__main__"
    assert main.__file__ == virtual("/~oxidize/app/__main__.py")
    assert main.__spec__.name == "__main__"
    assert main.__spec__.origin == main.__file__
    assert main.__package__ == ""
    assert getattr(main, "__cached__", None) is None
    assert main.__builtins__ is not None
    assert main.importlib is not None
