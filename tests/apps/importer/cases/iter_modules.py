"""pkgutil.iter_modules through the path hook: what lies directly in a directory, packages marked."""

import pkgutil

import sample
import space
from where import virtual


def run():
    found = [(info.name, info.ispkg) for info in pkgutil.iter_modules(sample.__path__)]
    assert found == [("inner", True), ("sub", False)], found
    found = [info.name for info in pkgutil.iter_modules(sample.__path__, "sample.")]
    assert found == ["sample.inner", "sample.sub"], found
    assert [info.name for info in pkgutil.iter_modules(space.__path__)] == ["one"]
    top = {info.name: info.ispkg for info in pkgutil.iter_modules()}
    assert top["sample"] is True and top["counted"] is False
    assert top["json"] is True and top["os"] is False
    assert "sub" not in top
    # The finder of an entry can be asked for modules, too.
    info = next(info for info in pkgutil.iter_modules(sample.__path__) if info.name == "sub")
    assert info.module_finder.find_spec("sub").origin == virtual("/~oxidize/app/sample/sub.py")
