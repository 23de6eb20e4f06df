# What tests/smoke/windows.ps1 runs. `app WHAT` does one thing and prints what came of it.
import importlib
import multiprocessing
import os
import subprocess
import sys

import work


def hello():
    return f"Python {sys.version.split()[0]} on {sys.platform}, {sys.executable}"


def library():
    """Imports what `sys.stdlib_module_names` has and says what is missing, which is what is not for this system."""
    absent = []
    skipped = {"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "_tkinter"}
    for name in sorted(sys.stdlib_module_names - skipped):
        try:
            importlib.import_module(name)
        except ImportError:
            absent.append(name)
    return f"not here: {' '.join(absent)}"


def tls():
    import ssl

    count = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert count > 0, "no certificates"
    return f"{count} certificates, {ssl.OPENSSL_VERSION}"


def child_says():
    done = subprocess.run([sys.executable, "-c", "import sys; print(sys.argv[1:])", "a b"], capture_output=True, text=True, check=True)
    assert done.stdout == "['a b']\n", done
    return done.stdout.strip()


def pool():
    with multiprocessing.Pool(2) as workers:
        return workers.map(work.square, range(5))


def wheels():
    import greenlet
    import markupsafe
    import markupsafe._speedups

    assert str(markupsafe.escape("<a>")) == "&lt;a&gt;"
    assert greenlet.greenlet(lambda: 42).switch() == 42
    return markupsafe._speedups.__file__


def status():
    sys.stdout.flush()
    os._exit(7)


if __name__ == "__main__":
    checks = {
        "hello": hello,
        "library": library,
        "tls": tls,
        "subprocess": child_says,
        "multiprocessing": pool,
        "wheels": wheels,
        "status": status,
    }
    print(checks[sys.argv[1]]())
