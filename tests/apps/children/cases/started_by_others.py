"""A shell that starts the application by its path starts the application, whatever the arguments are."""

import os
import subprocess
import sys


def run():
    if "again" in sys.argv:
        return
    done = subprocess.run(["/bin/sh", "-c", '"$0" started_by_others again -c "import work"', sys.executable],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", ""), done
    assert os.path.exists(sys.executable)
