"""subprocess: `sys.executable -c` is an interpreter over the packaged modules."""

import os
import subprocess
import sys


def run():
    program = "import sys, work; print(work.__file__, work.square(4), sys.argv)"
    done = subprocess.run([sys.executable, "-c", program, "x", "-y"], capture_output=True, text=True)
    assert done.returncode == 0, done
    assert done.stdout == f"{os.path.join(sys.prefix, 'app', 'work.py')} 16 ['-c', 'x', '-y']\n", done
    assert done.stderr == "", done
    done = subprocess.run([sys.executable, "-c", "import sys; sys.exit(7)"], capture_output=True)
    assert done.returncode == 7, done
    done = subprocess.run([sys.executable, "-OO", "-X", "dev", "-c", "import sys; print(sys.flags.optimize, sys.flags.dev_mode)"],
                          capture_output=True, text=True)
    assert done.stdout == "2 True\n", done
    done = subprocess.run([sys.executable, "-"], input="print('from stdin')", capture_output=True, text=True)
    assert done.stdout == "from stdin\n", done
    done = subprocess.run([sys.executable, "-V"], capture_output=True, text=True)
    assert done.stdout.startswith("Python 3.13."), done
