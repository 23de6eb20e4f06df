"""exec_module runs the code in the module's dictionary, again if asked again, and lets exceptions out."""

import importlib.util
import sys


def run():
    spec = importlib.util.find_spec("counted")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.runs == 1
    assert "counted" not in sys.modules
    spec.loader.exec_module(module)
    assert module.runs == 2

    try:
        import broken
    except ZeroDivisionError:
        assert "broken" not in sys.modules
        assert "sample" in sys.modules
    else:
        raise AssertionError("broken was imported")
