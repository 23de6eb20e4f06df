"""get_resource_reader: a TraversableResources for packages and, since 3.12, for the package around a module."""

from importlib.resources.abc import ResourceReader, TraversableResources

import sample
import sample.sub


def run():
    loader = sample.__loader__
    reader = loader.get_resource_reader("sample")
    assert isinstance(reader, (ResourceReader, TraversableResources)), type(reader)
    assert "data.txt" in set(reader.contents())
    assert reader.is_resource("data.txt")
    assert not reader.is_resource("nested")
    with reader.open_resource("data.txt") as stream:
        assert stream.read().startswith(b"plain text")
    try:
        reader.open_resource("absent")
    except FileNotFoundError:
        pass
    else:
        raise AssertionError("there is no such resource")
    assert "data.txt" in set(sample.sub.__loader__.get_resource_reader("sample.sub").contents())
