import collections, copy, pickle, pickletools

value = collections.OrderedDict(a={1, 2})
for protocol in range(6):
    assert pickle.loads(pickle.dumps(value, protocol)) == value
print(copy.deepcopy(value), len(list(pickletools.genops(pickle.dumps(1)))))
print(pickle.loads(b"c__builtin__\nrange\n."))
