"""create_module leaves ordinary modules to importlib; module_from_spec then works."""

import importlib.util


def run():
    spec = importlib.util.find_spec("sample.sub")
    assert spec.loader.create_module(spec) is None
    module = importlib.util.module_from_spec(spec)
    assert module.__name__ == "sample.sub"
    assert module.__spec__ is spec
    assert not hasattr(module, "answer")
