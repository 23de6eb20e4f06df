from . import LOADED

print(__name__, __package__, __spec__.name)
assert LOADED
