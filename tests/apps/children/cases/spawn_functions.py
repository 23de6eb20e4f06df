# needs: windows
"""os.spawnv, spawnve and the exec functions with sys.executable."""

import os
import subprocess
import sys


def run():
    # The C runtime joins arguments with blanks, so there are none in these.
    program = "__import__('sys').exit(__import__('work').square(int(__import__('os').environ.get('N','3'))))"
    arguments = [sys.executable, "-c", program]
    assert os.spawnv(os.P_WAIT, sys.executable, arguments) == 9
    assert os.spawnve(os.P_WAIT, sys.executable, arguments, {**os.environ, "N": "4"}) == 16
    outer = "__import__('os').execv(__import__('sys').executable,[__import__('sys').executable,'-V'])"
    done = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, check=True)
    assert done.returncode == 0, done
