# unseen
import os
import sys

os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
sys.stderr.write("does not fit, but is not an error either")
