"""importlib.util.LazyLoader: the code runs at the first attribute."""

import builtins
import importlib.util
import sys


def run():
    spec = importlib.util.find_spec("lazy_target")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["lazy_target"] = module
    spec.loader.exec_module(module)
    assert not hasattr(builtins, "lazy_target_was_run")
    assert module.VALUE == 7
    assert builtins.lazy_target_was_run
