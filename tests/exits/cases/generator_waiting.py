# full
import contextlib


@contextlib.contextmanager
def place():
    try:
        yield
    finally:
        print("left")


manager = place()
manager.__enter__()
