import ctypes, ctypes.util

class Pair(ctypes.BigEndianStructure):
    _fields_ = [("one", ctypes.c_uint16), ("two", ctypes.c_uint16)]

print(bytes(Pair(1, 2)), ctypes.util.find_library("no-such-library"))
