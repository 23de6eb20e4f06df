"""What only Windows has; the first argument says what to do."""

import os
import subprocess
import sys


def load(cache):
    """Imports extension modules, with another directory for the cache."""
    os.environ["LOCALAPPDATA"] = cache
    import ssl

    import markupsafe._speedups
    import psycopg2

    assert ssl.create_default_context().get_ciphers()
    print(markupsafe._speedups._escape_inner("<&>"), psycopg2.__libpq_version__)


def files(cache):
    """The C code of wheels opens virtual files; libraries are loaded and added by virtual paths."""
    os.environ["LOCALAPPDATA"] = cache
    import ctypes
    import glob

    import psycopg2
    from lxml import etree

    [schema] = glob.glob(f"{os.path.dirname(etree.__file__)}/**/iso-schematron.rng", recursive=True)
    tag = etree.parse(schema).getroot().tag
    try:
        etree.parse(f"{schema}.absent")
    except OSError as error:
        assert "iso-schematron.rng.absent" in str(error), error
    else:
        raise AssertionError("there is no such file")
    libraries = os.path.join(os.path.dirname(os.path.dirname(psycopg2.__file__)), "psycopg2_binary.libs")
    [library] = glob.glob(f"{libraries}/libpq*.dll")
    version = ctypes.CDLL(library).PQlibVersion()
    with os.add_dll_directory(libraries):
        assert ctypes.CDLL(os.path.basename(library)).PQlibVersion() == version
    print(tag.rpartition("}")[2], version)


def streams(report):
    with open(report, "w") as file:
        print(sys.stdin is None, sys.stdout is None, sys.stderr is None, file=file)
    print("printed")
    sys.exit(7)


def children(program):
    """Starts a program with and without streams."""
    report = "report.txt"
    for flags in (0, subprocess.DETACHED_PROCESS):
        done = subprocess.run(
            [program, "streams", report], creationflags=flags, stdin=subprocess.DEVNULL if flags == 0 else None
        )
        with open(report) as file:
            print(done.returncode, file.read().strip())


def name():
    print(ascii(os.path.basename(sys.argv[0])), ascii(os.path.basename(sys.executable)))


def wait():
    import time

    print("ready", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(3)


globals()[sys.argv[1]](*sys.argv[2:])
