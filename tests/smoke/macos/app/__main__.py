"""Checks from inside a packaged program on a Mac: `smoke start` the least, `smoke all` everything. See macos.sh."""

import os
import sys

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def start():
    assert sys.platform == "darwin", sys.platform
    assert __file__.startswith("/~oxidize/app/"), __file__
    assert os.path.isfile(sys.executable) and os.path.realpath(sys.executable) == sys.executable, sys.executable


@check
def starts():
    start()


@check
def standard_library_is_imported():
    import importlib
    import warnings

    # Programs and not modules, other systems', and what the stub does without.
    without = {"antigravity", "this", "idlelib", "_gdbm", "_msi", "_overlapped", "_tkinter", "_winapi", "msvcrt", "nt", "nturl2path"}
    without |= {"ossaudiodev", "spwd", "tkinter", "turtle", "turtledemo", "winreg", "winsound", "_wmi", "ensurepip", "_android_support"}
    without |= {"_ios_support", "_crypt", "_testinternalcapi", "_pyrepl"}
    warnings.simplefilter("ignore")
    wrong = []
    for name in sorted(sys.stdlib_module_names - without):
        try:
            importlib.import_module(name)
        except Exception as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, wrong


@check
def configuration_tells_the_truth():
    import ctypes
    import platform
    import sysconfig

    variable = sysconfig.get_config_var
    sizes = {"SIZEOF_LONG_DOUBLE": ctypes.c_longdouble, "SIZEOF_WCHAR_T": ctypes.c_wchar, "SIZEOF_VOID_P": ctypes.c_void_p}
    for name, kind in sizes.items():
        if variable(name) is not None:
            assert variable(name) == ctypes.sizeof(kind), (name, variable(name))
    assert variable("MACOSX_DEPLOYMENT_TARGET") == "11.0"
    machine = platform.machine()
    assert sysconfig.get_platform() == f"macosx-11.0-{machine}", sysconfig.get_platform()
    assert int(platform.mac_ver()[0].split(".")[0]) >= 11, platform.mac_ver()
    assert os.path.exists("/dev/ptmx") and not os.path.exists("/dev/ptc")


@check
def answers_about_the_system_hold():
    """What configure could not find out by running a program (recipes/configure-macos.cache)."""
    import _multiprocessing
    import math
    import select
    import socket
    import time

    semaphore = _multiprocessing.SemLock(1, 1, 1, f"/oxidize{os.getpid()}", True)
    assert semaphore.acquire()
    semaphore.release()
    try:
        semaphore._get_value()
        raise AssertionError("sem_getvalue works")
    except NotImplementedError:
        pass
    poll = select.poll()
    reader, writer = os.pipe()
    poll.register(writer, select.POLLOUT)
    assert poll.poll(1000) == [(writer, select.POLLOUT)]
    os.close(reader), os.close(writer)
    assert os.nice(0) >= 0
    assert math.copysign(1, math.tanh(-0.0)) == -1
    os.environ["TZ"] = "EST+05EDT,M4.1.0,M10.5.0"
    time.tzset()
    assert time.tzname == ("EST", "EDT") and time.timezone == 18000, time.tzname
    del os.environ["TZ"]
    time.tzset()
    found = socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    assert found[0][4] == ("127.0.0.1", 80), found
    assert socket.getaddrinfo("::1", None, socket.AF_INET6)
    assert hasattr(os, "chflags") and hasattr(os, "lchflags")


@check
def newer_functions_are_missing_politely():
    """mkfifoat and mknodat came with macOS 13; before, os.mkfifo refuses dir_fd instead of crashing."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.mkfifo("pipe", dir_fd=descriptor)
            assert os.path.exists(os.path.join(directory, "pipe"))
        except NotImplementedError:
            pass
        os.preadv, os.pwritev


@check
def the_main_thread_has_a_deep_stack():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    # In C, as deep as CPython lets it go.
    try:
        repr(nested)
    except RecursionError:
        pass
    else:
        raise AssertionError("no limit")
    while nested:
        nested = nested[0]


@check
def threads_have_deep_stacks():
    import threading

    def dive(depth):
        return depth and dive(depth - 1)

    results = []

    def body():
        try:
            dive(1 << 30)
        except RecursionError:
            results.append(repr(max(range(1000), key=lambda n: -n)))

    threads = [threading.Thread(target=body) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(results) == 8


@check
def children_are_interpreters():
    import subprocess

    code = "import json, sys; print(json.dumps([6 * 7, sys.executable]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("[42,"), said
    # close_fds=False goes by posix_spawn, the default by fork and exec.
    subprocess.run([sys.executable, "-c", "raise SystemExit(0)"], close_fds=False, check=True)
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "raise SystemExit(7)"], os.environ)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    pid = os.fork()
    if not pid:
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def square(number):
    return number * number


@check
def multiprocessing_in_both_ways():
    import multiprocessing

    for way in ("spawn", "fork", "forkserver"):
        with multiprocessing.get_context(way).Pool(2) as pool:
            assert pool.map(square, range(10)) == [n * n for n in range(10)], way


@check
def proxies_of_the_system():
    import _scproxy
    import urllib.request

    assert isinstance(_scproxy._get_proxy_settings(), dict)
    assert isinstance(_scproxy._get_proxies(), dict)
    assert isinstance(urllib.request.getproxies(), dict)


@check
def certificates_are_found():
    import ssl

    context = ssl.create_default_context()
    assert context.cert_store_stats()["x509_ca"] > 50, context.cert_store_stats()
    assert ssl.get_default_verify_paths().cafile == "/etc/ssl/cert.pem", ssl.get_default_verify_paths()
    assert len(ssl.RAND_bytes(16)) == 16


@check
def callbacks_of_c():
    """libffi's closures: a table of trampolines on Apple silicon, writable code on Intel."""
    import ctypes

    array = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    ctypes.CDLL(None).qsort(array, 5, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    assert list(array) == [1, 2, 3, 4, 5]
    snprintf = ctypes.CDLL(None).snprintf
    snprintf.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p]
    buffer = ctypes.create_string_buffer(32)
    snprintf(buffer, 32, b"%d %.1f", ctypes.c_int(42), ctypes.c_double(1.5))
    assert buffer.value == b"42 1.5", buffer.value
    assert ctypes.pythonapi.Py_IsInitialized() == 1


@check
def files_and_descriptors():
    import dbm.ndbm
    import fcntl
    import mmap
    import select
    import socket
    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        name = os.path.join(directory, "data")
        with dbm.ndbm.open(name, "c") as database:
            database[b"key"] = b"value"
            assert database[b"key"] == b"value"
        connection = sqlite3.connect(os.path.join(directory, "sqlite"))
        connection.execute("create table t (a)")
        connection.execute("insert into t values (1)")
        connection.commit()
        assert connection.execute("select sum(a) from t").fetchone() == (1,)
        connection.close()
        with open(name, "wb+") as file:
            file.write(b"0123456789")
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
            with mmap.mmap(file.fileno(), 0) as mapped:
                assert mapped[2:4] == b"23"
            ours, theirs = socket.socketpair()
            assert os.sendfile(ours.fileno(), file.fileno(), 0, 10) == 10
            assert theirs.recv(20) == b"0123456789"
            queue = select.kqueue()
            ours.send(b"x")
            event = select.kevent(theirs, select.KQ_FILTER_READ, select.KQ_EV_ADD)
            assert queue.control([event], 1, 5)[0].data == 1
            queue.close(), ours.close(), theirs.close()


@check
def terminals():
    import curses
    import pty
    import readline

    curses.setupterm("xterm-256color", sys.__stdout__.fileno())
    assert curses.tigetnum("colors") == 256
    controller, terminal = os.openpty()
    assert os.isatty(terminal) and os.ttyname(terminal)
    os.close(controller), os.close(terminal)
    pid, descriptor = pty.fork()
    if not pid:
        os.write(1, b"hello")
        os._exit(0)
    assert os.read(descriptor, 5) == b"hello"
    os.waitpid(pid, 0)
    assert readline.backend == "editline"


@check
def languages_and_time():
    import datetime
    import locale
    import zoneinfo

    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    assert locale.localeconv()["decimal_point"] == ","
    assert locale.strxfrm("a") < locale.strxfrm("b")
    locale.setlocale(locale.LC_ALL, "C")
    assert sys.getfilesystemencoding() == "utf-8"
    summer = datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    assert summer.utcoffset() == datetime.timedelta(hours=2)


@check
def asyncio_serves():
    import asyncio

    async def talk():
        async def answer(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"HELLO\n"
        writer.close()
        server.close()
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=-1)
        assert (await child.communicate())[0] == b"1\n"

    asyncio.run(talk())


def main():
    if sys.argv[1:] == ["start"]:
        start()
        return 0
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
