"""as_file: a real path for as long as it is needed, for a file and for a directory."""

import os
from importlib import resources


def run():
    root = resources.files("sample")
    with resources.as_file(root / "data.txt") as path:
        assert os.path.isfile(path)
        assert path.name.endswith("data.txt")
        assert path.read_text(encoding="utf-8") == "plain text\nwith ümlauts\n"
    with resources.as_file(root / "nested") as path:
        assert sorted(os.listdir(path)) == ["blob.bin", "deep.txt"]
        assert (path / "deep.txt").read_text() == "deep\n"
    with resources.path("sample", "data.txt") as path:
        assert path.read_bytes().startswith(b"plain")
