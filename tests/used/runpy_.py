# `-m` names packages that have a `__main__`.
import runpy
import subprocess
import sys

print(subprocess.run([sys.executable, "-m", "zipfile", "-h"], capture_output=True, text=True).stdout)
sys.argv = ["sqlite3", "--version"]
try:
    runpy.run_module("sqlite3", run_name="__main__")
except SystemExit as end:
    print(end)
