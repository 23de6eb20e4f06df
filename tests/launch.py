"""Makes an application that runs this file an interpreter with the arguments that follow: `cProfile` as the entry point does."""

import os
import sys

os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
