"""subprocess: a script on disk, which may import packaged modules and its neighbours."""

import subprocess
import sys


def run():
    with open("script.py", "w") as stream:
        stream.write("import neighbour, work\nprint(__name__, neighbour.VALUE, work.square(3))\n")
    with open("neighbour.py", "w") as stream:
        stream.write("VALUE = 1\n")
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True)
    assert done.stdout == "__main__ 1 9\n", done
