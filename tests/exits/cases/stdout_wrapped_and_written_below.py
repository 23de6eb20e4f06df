# full
import io
import sys

first = sys.stdout
sys.stdout = io.TextIOWrapper(first.buffer)
third = io.TextIOWrapper(first.buffer)
print("behind")
first.write("by the first\n")
third.write("by the third\n")
