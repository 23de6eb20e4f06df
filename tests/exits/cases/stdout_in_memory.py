# fast
import io
import sys

print("seen")
sys.stdout = io.StringIO()
print("not seen")
sys.stderr = None
