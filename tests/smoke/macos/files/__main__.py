"""Checks of virtual files that only a Mac can answer. See ../../macos.sh. They also pass on Linux, but for what is macOS's alone."""

import os
import sys

import parcel

HERE = os.path.dirname(parcel.__file__)
WORDS = f"{HERE}/data/words.txt"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


@check
def a_file_is_opened_and_described():
    assert HERE == "/~oxidize/app/parcel", HERE
    with open(WORDS) as stream:
        assert stream.read() == "one two\nthree\n"
        assert os.fstat(stream.fileno()) == os.stat(WORDS) == os.lstat(WORDS)
    assert os.stat(WORDS).st_mtime == 946684800 and os.stat(WORDS).st_nlink == 1


@check
def each_open_has_its_own_position():
    with open(WORDS, "rb") as one, open(WORDS, "rb") as other:
        assert one.read(4) == b"one " and other.read(3) == b"one" and one.read(3) == b"two"


@check
def a_descriptor_is_recognised():
    descriptor = os.open(f"{HERE}/data", os.O_RDONLY | os.O_DIRECTORY)
    assert os.listdir(descriptor) == ["words.txt"]
    file = os.open("words.txt", os.O_RDONLY, dir_fd=descriptor)
    assert os.stat("words.txt", dir_fd=descriptor) == os.fstat(file) == os.fstat(os.dup(file))
    os.close(descriptor)
    os.close(file)


@check
def directories_are_listed():
    assert os.listdir(HERE) == ["__init__.py", "data"]
    with os.scandir(HERE) as entries:
        assert [(entry.name, entry.is_dir(), entry.inode()) for entry in entries] == [
            (name, name == "data", os.stat(f"{HERE}/{name}").st_ino) for name in ("__init__.py", "data")
        ]
    assert [names for _, _, names in os.walk(HERE)] == [["__init__.py"], ["words.txt"]]


@check
def realpath_is_the_path():
    assert os.path.realpath(f"{HERE}/data/../data/words.txt", strict=True) == WORDS
    assert os.path.samefile(WORDS, f"{HERE}/./data/words.txt")


@check
def nothing_is_written():
    for refused in (lambda: open(WORDS, "a"), lambda: os.unlink(WORDS), lambda: os.mkdir(f"{HERE}/new"), lambda: os.chmod(WORDS, 0o600)):
        try:
            refused()
        except OSError as error:
            assert error.errno == 30, error
        else:
            raise AssertionError("written")


@check
def a_mode_is_the_one_that_was_given():
    # The mode of open is a variadic argument.
    mask = os.umask(0)
    try:
        for mode in (0o600, 0o640, 0o751):
            name = f"mode-{mode:o}"
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
            here = os.open(".", os.O_RDONLY)
            os.close(os.open(name + "-at", os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode, dir_fd=here))
            os.close(here)
            for made in (name, name + "-at"):
                assert os.stat(made).st_mode & 0o777 == mode, (made, oct(os.stat(made).st_mode))
    finally:
        os.umask(mask)


@check
def resources_are_paths():
    import importlib.resources
    import pathlib

    words = importlib.resources.files(parcel) / "data" / "words.txt"
    assert isinstance(words, pathlib.Path), type(words)
    with importlib.resources.as_file(words) as path:
        assert path == words and path.read_text() == "one two\nthree\n"


@check
def sqlite_reads_a_virtual_database():
    import contextlib
    import sqlite3

    # Nothing here can make one in the tree, so the error tells which file was read.
    try:
        with contextlib.closing(sqlite3.connect(f"file:{WORDS}?mode=ro", uri=True)) as database:
            database.execute("select 1 from sqlite_master")
    except sqlite3.DatabaseError as error:
        assert "not a database" in str(error), error
    else:
        raise AssertionError("words.txt is no database")


@check
def openssl_reads_a_virtual_file():
    import ssl

    for load in (lambda: ssl.create_default_context(cafile=WORDS), lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(WORDS)):
        try:
            load()
        except ssl.SSLError:
            pass  # Not FileNotFoundError: it read the file, and found no certificate.
        else:
            raise AssertionError("words.txt is no certificate")


@check
def a_child_has_them_too():
    import subprocess

    code = "import sys; print(open(sys.argv[1]).read(), end='')"
    assert subprocess.check_output([sys.executable, "-c", code, WORDS]) == b"one two\nthree\n"
    descriptor = os.open(WORDS, os.O_RDONLY)
    code = f"import os, sys; assert os.fstat({descriptor}) == os.stat(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, WORDS], check=True, pass_fds=[descriptor])


@check
def a_library_that_is_not_there_says_so():
    import ctypes

    for path in (f"{HERE}/absent.dylib", WORDS):
        try:
            ctypes.CDLL(path)
        except OSError as error:
            assert path in str(error), error
        else:
            raise AssertionError("loaded")


@check
def no_file_stays():
    kept = [open(WORDS, "rb") for _ in range(50)]
    assert all(stream.read() == b"one two\nthree\n" for stream in kept)
    # _CS_DARWIN_USER_TEMP_DIR (unistd.h)
    temporary = os.confstr(65537) if sys.platform == "darwin" else "/tmp"
    mine = [name for name in os.listdir(temporary) if name.startswith(f".oxidize-{os.getpid()}-")]
    assert not mine, mine


def main():
    bad = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok {name}", flush=True)
        except BaseException as error:
            bad += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
