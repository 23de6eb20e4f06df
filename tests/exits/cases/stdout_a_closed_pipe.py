# fast
import os
import sys

reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
sys.stdout.write("nobody reads")
