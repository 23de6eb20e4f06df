"""Modules in the current directory are neither imported nor do they hide packaged ones."""

import os


def run():
    for name in ("sample", "os", "stray"):
        with open(f"{name}.py", "w") as stream:
            stream.write("raise SystemExit('imported from disk')\n")
    import os.path
    import sample

    assert sample.VALUE == 1
    try:
        import stray
    except ModuleNotFoundError:
        pass
    else:
        raise AssertionError("stray was imported")
