"""find_spec: what it says of modules, packages, and names that are not there."""

import importlib.util
import sys

from where import virtual


def run():
    spec = importlib.util.find_spec("sample.sub")
    assert spec.name == "sample.sub", spec
    assert spec.parent == "sample"
    assert spec.origin == virtual("/~oxidize/app/sample/sub.py")
    assert spec.has_location
    assert spec.cached is None
    assert spec.submodule_search_locations is None

    package = importlib.util.find_spec("sample")
    assert package.origin == virtual("/~oxidize/app/sample/__init__.py")
    assert list(package.submodule_search_locations) == [virtual("/~oxidize/app/sample")]

    stdlib = importlib.util.find_spec("json.decoder")
    assert stdlib.origin == virtual("/~oxidize/lib/python3.13/json/decoder.py")

    assert importlib.util.find_spec("no_such_module") is None
    assert importlib.util.find_spec("sample.no_such_module") is None
    try:
        importlib.util.find_spec("no_such_package.module")
    except ModuleNotFoundError as error:
        assert error.name == "no_such_package"
    else:
        raise AssertionError("the parent does not exist")

    # The meta path finder itself: as importlib calls it, with and without a path, and for what it does not have.
    (finder,) = [finder for finder in sys.meta_path if type(finder).__module__ == "_oxidize"]
    assert finder.find_spec("sample.sub", [virtual("/~oxidize/app/sample")]).origin == spec.origin
    assert finder.find_spec("sample", None, None).origin == package.origin
    assert finder.find_spec("no_such_module") is None
