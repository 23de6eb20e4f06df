# fast
import io
import sys

sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1", newline="\n")
sys.stderr = io.TextIOWrapper(sys.stderr.buffer, line_buffering=True)
sys.stdin = io.TextIOWrapper(sys.stdin.buffer)
print("behind: é")
sys.stdout.buffer.write(b"below\n")
print("on standard error", file=sys.stderr)
