"""get_data: bytes of a virtual path or, as importlib's loaders allow, of a real one; OSError otherwise."""

import os

import sample
from where import virtual


def run():
    loader = sample.__loader__
    beside = os.path.join(os.path.dirname(sample.__file__), "data.txt")
    assert loader.get_data(beside) == "plain text\nwith ümlauts\n".encode()
    assert loader.get_data(virtual("/~oxidize/app/sample/nested/../data.txt")) == loader.get_data(beside)
    assert b"def answer" in loader.get_data(virtual("/~oxidize/app/sample/sub.py"))
    with open("real.bin", "wb") as stream:
        stream.write(b"real")
    assert loader.get_data(os.path.abspath("real.bin")) == b"real"
    for path, expected in [
        (virtual("/~oxidize/app/sample/absent"), FileNotFoundError),
        (virtual("/~oxidize/app/sample"), IsADirectoryError),
        (os.path.abspath("absent"), FileNotFoundError),
    ]:
        try:
            loader.get_data(path)
        except OSError as error:
            assert isinstance(error, expected), (path, error)
            assert error.filename == path, (path, error)
        else:
            raise AssertionError(path)
