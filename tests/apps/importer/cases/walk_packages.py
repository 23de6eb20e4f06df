"""pkgutil.walk_packages: into the packages, importing them on the way."""

import pkgutil

import sample
from where import virtual


def run():
    found = [info.name for info in pkgutil.walk_packages(sample.__path__, "sample.")]
    assert found == ["sample.inner", "sample.inner.leaf", "sample.sub"], found
    found = {info.name for info in pkgutil.walk_packages([virtual("/~oxidize/lib/python3.13")]) if info.name.startswith("json")}
    assert found == {"json", "json.decoder", "json.encoder", "json.scanner", "json.tool"}, found
