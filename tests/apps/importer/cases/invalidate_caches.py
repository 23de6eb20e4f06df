"""invalidate_caches: harmless for our finders, and still does its work for directories on disk."""

import importlib
import os
import sys


def run():
    os.mkdir("later")
    sys.path.append(os.path.abspath("later"))
    try:
        import appears
    except ModuleNotFoundError:
        pass
    with open("later/appears.py", "w") as stream:
        stream.write("VALUE = 3\n")
    importlib.invalidate_caches()
    import appears
    import sample

    assert appears.VALUE == 3
    for finder in sys.meta_path:
        if hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()
    sys.path_importer_cache.clear()
    import sample.inner.leaf

    assert sample.inner.leaf.LEAF == "leaf"
