# full
import io
import sys

print("before")
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1")
print("behind: é")
