"""Children that are this executable have the files too; forked ones share what was opened."""

import os
import subprocess
import sys


def run(directory):
    path = f"{directory}/data/words.txt"
    code = "import os, sys; print(open(sys.argv[1]).read(), end=''); print(os.stat(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.stdout == f"one two\nthree\n{os.stat(path)}\n", done
    if hasattr(os, "fork"):
        with open(path) as stream:
            assert stream.readline() == "one two\n"
            child = os.fork()
            if child == 0:
                fresh = open(path).read()
                os._exit(0 if fresh == "one two\nthree\n" and os.listdir(directory) else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert stream.read() == "three\n"
