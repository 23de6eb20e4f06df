"""A directory of the executable that a program puts on sys.path itself."""

import os
import sys

from where import virtual


def run():
    import cases

    vendor = os.path.join(os.path.dirname(os.path.dirname(cases.__file__)), "vendor")
    sys.path.insert(0, vendor)
    import boxed
    import lone

    assert boxed.NAME == "boxed" and lone.NAME == "lone"
    assert boxed.__file__ == virtual("/~oxidize/app/vendor/boxed/__init__.py")
    assert lone.__spec__.name == "lone"
