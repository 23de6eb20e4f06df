# needs: posix
"""os.execv, execve, execvp, posix_spawn and spawnv with sys.executable."""

import os
import sys


def started(function):
    """What the process that `function` becomes in a fork writes."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        try:
            function()
        finally:
            os._exit(99)
    os.close(writer)
    with open(reader) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, (status, text)
    return text


def run():
    arguments = [sys.executable, "-c", "import os, work; print(work.square(5), os.environ.get('OXIDIZE_STARTED_BY'), os.environ.get('GIVEN'))"]
    given = {**os.environ, "GIVEN": "yes"}
    assert started(lambda: os.execv(sys.executable, arguments)) == "25 None None\n"
    assert started(lambda: os.execl(sys.executable, *arguments)) == "25 None None\n"
    assert started(lambda: os.execvp(sys.executable, arguments)) == "25 None None\n"
    assert started(lambda: os.execve(sys.executable, arguments, given)) == "25 None yes\n"

    def spawn():
        child = os.posix_spawn(sys.executable, arguments, given)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    assert started(spawn) == "25 None yes\n"
    assert started(lambda: os._exit(os.spawnv(os.P_WAIT, sys.executable, arguments))) == "25 None None\n"
