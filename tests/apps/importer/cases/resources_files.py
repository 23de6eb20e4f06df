"""importlib.resources.files: walk, read and open; also from a module and from a namespace package."""

from importlib import resources


def run():
    root = resources.files("sample")
    assert root.is_dir() and not root.is_file()
    assert root.name == "sample"
    names = sorted(entry.name for entry in root.iterdir())
    assert names == ["__init__.py", "data.txt", "inner", "nested", "sub.py"], names
    text = root / "data.txt"
    assert text.is_file() and not text.is_dir()
    assert text.read_text(encoding="utf-8") == "plain text\nwith ümlauts\n"
    assert text.read_bytes() == "plain text\nwith ümlauts\n".encode()
    with text.open(encoding="utf-8") as stream:
        assert next(stream) == "plain text\n"
    with (root / "nested" / "blob.bin").open("rb") as stream:
        assert stream.read(4) == b"\0\1\xffb"
        stream.seek(0)
        assert stream.read(1) == b"\0"
    assert root.joinpath("nested", "deep.txt").read_text() == "deep\n"
    assert root.joinpath("nested/deep.txt").read_text() == "deep\n"
    assert not root.joinpath("absent").is_file() and not root.joinpath("absent").is_dir()
    try:
        root.joinpath("absent").read_bytes()
    except FileNotFoundError:
        pass
    else:
        raise AssertionError("there is no such resource")

    # The older functions, and a module as the anchor.
    assert resources.read_text("sample", "data.txt", encoding="utf-8").startswith("plain")
    assert resources.read_binary("sample", "nested", "deep.txt") == b"deep\n"
    assert resources.is_resource("sample", "data.txt")
    assert "data.txt" in set(resources.contents("sample"))
    assert resources.files("sample.sub").joinpath("data.txt").is_file()
    assert resources.files("space").joinpath("one.py").is_file()
