# require: rtree
"""A library of the wheel, opened by ctypes."""
from rtree import index

tree = index.Index()
tree.insert(1, (0, 0, 1, 1))
assert list(tree.intersection((0.5, 0.5, 2, 2))) == [1]
print("ok")
