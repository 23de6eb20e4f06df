# fast
import io
import sys

print("before")
sys.stdout.flush()
first = sys.stdout
sys.stdout = io.TextIOWrapper(first.buffer, encoding="latin-1")
third = io.TextIOWrapper(first.buffer)
print("behind: é")
