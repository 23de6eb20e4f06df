# package: --entry doubly_optimized --optimize 2
# run:
# stdout: 2 False 0 None None

import json
import sys

import helper

print(sys.flags.optimize, __debug__, helper.checked(0), helper.__doc__, json.__doc__)
