"""pkgutil.get_data: the bytes beside a package; OSError where there are none."""

import pkgutil
import warnings


def run():
    assert pkgutil.get_data("sample", "data.txt").startswith(b"plain text")
    assert pkgutil.get_data("sample", "nested/deep.txt") == b"deep\n"
    assert pkgutil.get_data("no_such_package", "data.txt") is None
    try:
        pkgutil.get_data("sample", "absent")
    except OSError:
        pass
    else:
        raise AssertionError("there is no such file")
    assert pkgutil.resolve_name("sample.sub:answer")() == 42
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loader = pkgutil.get_loader("sample")
    assert loader is not None and loader.is_package("sample")
