"""open: text, bytes, source files; each open has its own position."""

import io
import os
import tokenize

import parcel


def run(directory):
    words = os.path.join(directory, "data", "words.txt")
    assert parcel.words() == ["one", "two", "three"]
    with open(words, "rb") as one, open(words, "rb") as other:
        assert one.read(4) == b"one " and other.read() == b"one two\nthree\n" and one.read(3) == b"two"
    with open(os.path.join(directory, "data", "empty"), "rb") as stream:
        assert stream.read() == b""
    with open(os.path.join(directory, "data", "deeper", "bytes.bin"), "rb") as stream:
        assert stream.read() == bytes(range(256)) * 300
        stream.seek(-1, os.SEEK_END)
        assert stream.read() == b"\xff"
    # The modules' sources are files.
    with tokenize.open(parcel.__file__) as stream:
        assert stream.readline().startswith('"""A package')
    with io.open_code(__file__) as stream:
        assert stream.readline().startswith(b'"""open: text')
    with open(os.__file__, encoding="utf-8") as stream:
        assert "operating system" in stream.read()
    # Bytes, path-like objects, detours.
    for path in (os.fsencode(words), f"{directory}/data/../data//./words.txt", f"{directory}/data/deeper/../words.txt"):
        with open(path, encoding="utf-8") as stream:
            assert stream.readline() == "one two\n"
