# needs: posix
"""Programs that lie in a package: subprocess, posix_spawn, os.exec."""

import os
import shutil
import subprocess


def run(directory):
    script = f"{directory}/script.sh"
    assert shutil.which(script) == script
    assert shutil.which("script.sh", path=directory) == script
    for keywords in ({}, {"close_fds": False}, {"start_new_session": True}, {"preexec_fn": os.getpid}):
        assert subprocess.check_output([script, "a b", "c"], **keywords) == b"script a b c\n", keywords
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading)]
    child = os.posix_spawn(script, [script, "spawned"], os.environ, file_actions=actions)
    os.close(writing)
    assert os.read(reading, 100) == b"script spawned\n"
    assert os.waitpid(child, 0)[1] == 0
    child = os.fork()
    if child == 0:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.execv(script, [script])
    assert os.waitpid(child, 0)[1] == 0
    # By PATH, where a directory of the application is on it.
    before = os.environ["PATH"]
    os.environ["PATH"] = f"/nowhere:{directory}:{before}"
    assert shutil.which("script.sh") == script
    assert subprocess.check_output(["script.sh", "found"]) == b"script found\n"
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1)]
    for name, said in (("script.sh", b"script found\n"), ("echo", b"found\n")):
        child = os.posix_spawnp(name, [name, "found"], os.environ, file_actions=actions)
        assert os.waitpid(child, 0)[1] == 0
        assert os.read(reading, 100) == said
    for absent in ("words.txt", "data"):
        try:
            os.posix_spawnp(absent, [absent], os.environ)
        except FileNotFoundError:
            pass
        else:
            raise AssertionError("there is no such program on PATH")
    os.environ["PATH"] = before
    try:
        subprocess.run([f"{directory}/data/words.txt"])
    except PermissionError:
        pass
    else:
        raise AssertionError("not executable")
