"""subprocess: `sys.executable -m` of a packaged module and of one of the standard library."""

import subprocess
import sys


def run():
    done = subprocess.run([sys.executable, "-m", "work", "a"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "work ['a']\n", ""), done
    done = subprocess.run([sys.executable, "-m", "json.tool", "--compact"], input='{ "a": 1 }', capture_output=True, text=True)
    assert done.stdout == '{"a":1}\n', done
    done = subprocess.run([sys.executable, "-m", "no_such_module"], capture_output=True, text=True)
    assert done.returncode == 1 and "No module named no_such_module" in done.stderr, done
