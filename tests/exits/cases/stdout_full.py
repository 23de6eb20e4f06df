# fast
import os
import sys

os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
sys.stdout.write("does not fit")
