# fast
import sys

try:
    raise ValueError
finally:
    sys.exit(5)
