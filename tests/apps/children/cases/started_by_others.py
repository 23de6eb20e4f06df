"""Shells and C code that start sys.executable start the interpreter; any other path to the file is the application."""

import ctypes
import os
import subprocess
import sys

PROGRAM = "import work; print(work.square(3))"


def by_c():
    """What QProcess and libuv do: posix_spawn, without a line of Python."""
    library = ctypes.CDLL(None)
    words = [os.fsencode(sys.executable), b"-c", b"import sys, work; sys.exit(work.square(3))", None]
    arguments = (ctypes.c_char_p * len(words))(*words)
    environment = (ctypes.c_char_p * 1)(None)
    process = ctypes.c_int()
    assert library.posix_spawn(ctypes.byref(process), words[0], None, None, arguments, environment) == 0
    assert os.waitstatus_to_exitcode(os.waitpid(process.value, 0)[1]) == 9


def run():
    if "again" in sys.argv:
        return
    if os.name == "nt":
        command = f'cmd /d /s /c ""{sys.executable}" -c "{PROGRAM}""'
    else:
        command = ["/bin/sh", "-c", f'"$0" -c "{PROGRAM}"; true', sys.executable]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "9", ""), done
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "posix_spawn"):
        by_c()
    for path in (os.path.realpath(sys.executable), os.path.abspath(sys.executable), os.path.abspath(sys.argv[0])):
        done = subprocess.run([path, "started_by_others", "again", "-c", PROGRAM], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", ""), done
    assert os.path.samefile(sys.executable, sys.argv[0])
    assert os.path.isfile(os.path.join(os.path.dirname(sys.executable), os.path.basename(sys.executable)))
