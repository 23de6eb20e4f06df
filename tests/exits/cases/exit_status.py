# fast
import atexit
import sys

atexit.register(print, "before the end")
sys.exit(41)
