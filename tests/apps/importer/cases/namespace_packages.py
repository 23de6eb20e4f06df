"""Namespace packages: no file, a path, portions on disk joined to those in the executable."""

import importlib
import os
import sys

from where import virtual


def run():
    import space
    from space import one
    from space.two import inner

    assert one.WHERE == "space.one"
    assert inner.INNER == "space.two.inner"
    assert getattr(space, "__file__", None) is None
    assert list(space.__path__) == [virtual("/~oxidize/app/space")], space.__path__
    assert space.__spec__.origin is None
    assert space.__spec__.submodule_search_locations is not None
    assert repr(space).startswith("<module 'space' (")

    # A portion on disk, as pip would install one: a package that is nowhere else.
    os.makedirs("more/onlydisk")
    with open("more/onlydisk/three.py", "w") as stream:
        stream.write("WHERE = __name__\n")
    sys.path.append(os.path.abspath("more"))
    importlib.invalidate_caches()
    from onlydisk import three

    assert three.WHERE == "onlydisk.three"
