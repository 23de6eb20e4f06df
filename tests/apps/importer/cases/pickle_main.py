"""Classes of __main__ and of packaged modules survive pickling."""

import pickle
import sys

import sample.sub


def run():
    main = sys.modules["__main__"]
    exec("class Point:\n    def __init__(self, x): self.x = x\n", main.__dict__)
    point = pickle.loads(pickle.dumps(main.Point(5)))
    assert type(point) is main.Point and point.x == 5
    assert main.Point.__module__ == "__main__"
    shape = pickle.loads(pickle.dumps(sample.sub.Shape()))
    assert type(shape) is sample.sub.Shape
    assert pickle.loads(pickle.dumps(sample.sub.answer)) is sample.sub.answer
