import collections.abc

print(isinstance([], collections.abc.Sequence))
