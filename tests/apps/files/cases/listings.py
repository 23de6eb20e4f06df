"""Directories: sorted listings by every way there is."""

import glob
import os
import pathlib


def run(directory):
    assert os.listdir(f"{directory}/data") == ["deeper", "empty", "parcel.ini", "words.txt"]
    with os.scandir(f"{directory}/data") as entries:
        found = [(entry.name, entry.is_dir(), entry.is_file(), entry.stat().st_size, entry.path) for entry in entries]
    assert found[0][:3] == ("deeper", True, False)
    assert found[3] == ("words.txt", False, True, 14, os.path.join(f"{directory}/data", "words.txt")), found
    assert "app" in os.listdir(os.path.dirname(os.path.dirname(directory)))
    assert [os.path.basename(name) for name in glob.glob(f"{directory}/**/*.txt", recursive=True)] == ["words.txt"]
    root = pathlib.Path(directory)
    assert [path.name for path in sorted(root.iterdir())] == ["__init__.py", "data", "script.bat", "script.sh"]
    assert sorted(path.name for path in root.rglob("*.bin")) == ["bytes.bin"]
    assert (root / "data").is_dir() and (root / "data/words.txt").read_text() == "one two\nthree\n"
    assert not (root / "absent").exists()
    walked = {os.path.relpath(top, directory): (below, files) for top, below, files in os.walk(directory)}
    assert walked["data"] == (["deeper"], ["empty", "parcel.ini", "words.txt"]), walked
