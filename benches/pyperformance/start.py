"""Runs a benchmark script as a plain interpreter would: APP SCRIPT ARGUMENT...

The clock of the benchmarks is replaced by the process's own CPU time, so that other programs on the machine have no say.
"""

import runpy
import sys
import time

time.perf_counter = time.process_time
del sys.argv[0]
# The folder of the script comes first, as `python SCRIPT` has it: benchmarks have modules and data beside them.
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
