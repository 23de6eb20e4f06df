# fast
import abc
import logging
import weakref


class Thing:
    pass


thing = Thing()
values = weakref.WeakValueDictionary(a=thing)
keys = weakref.WeakKeyDictionary({thing: 1})
weak = weakref.WeakSet([thing])


class Base(abc.ABC):
    pass


Base.register(Thing)
isinstance(thing, Base)
logging.getLogger("x").addHandler(logging.StreamHandler())
