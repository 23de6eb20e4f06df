import os
import sys

print(__name__, __package__, __spec__.name, __file__)
print(os.path.basename(sys.argv[0]), sys.argv[1:])
print(sys.modules["__main__"].__dict__ is globals())
