# package: --entry optimized --optimize 1
# run:
# stdout: 1 False 0 'A documented module.'

import sys

import helper

print(sys.flags.optimize, __debug__, helper.checked(0), repr(helper.__doc__))
