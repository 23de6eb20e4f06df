"""The mark that makes a child an interpreter is gone in the child and was never in this process."""

import os
import subprocess
import sys

SHOW = "import os; print([name for name in os.environ if name.startswith('OXIDIZE_S')])"


def run():
    assert not [name for name in os.environ if name.startswith("OXIDIZE_S")]
    for environment in (None, dict(os.environ), {}):
        done = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True)
        assert done.stdout == "[]\n", (environment, done)
    assert not [name for name in os.environ if name.startswith("OXIDIZE_S")]
    # Not in /proc either: a grandchild that is another program inherits the real environment block.
    if os.name == "nt":
        # What is not set is not replaced.
        shell, shown = ["cmd", "/d", "/c", "echo", "%OXIDIZE_STARTED_BY%"], "%OXIDIZE_STARTED_BY%\n"
    else:
        shell, shown = ["/bin/sh", "-c", "env | grep OXIDIZE_S; echo end"], "end\n"
    done = subprocess.run(shell, capture_output=True, text=True)
    assert done.stdout == shown, done
    program = f"import subprocess; subprocess.run({shell!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == shown, done
    # A grandchild of the interpreter child is an interpreter again, since it was started as sys.executable.
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done
