"""Modules of the standard library that read files by themselves."""

import configparser
import contextlib
import filecmp
import hashlib
import linecache
import os
import py_compile
import runpy
import shutil
import sqlite3
import tarfile
import tempfile
import traceback
import zipfile


def run(directory):
    parser = configparser.ConfigParser()
    assert parser.read(f"{directory}/data/parcel.ini") and parser["parcel"]["size"] == "3"
    assert linecache.getline(f"{directory}/data/words.txt", 2) == "three\n"
    with open(f"{directory}/data/words.txt", "rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == hashlib.sha256(b"one two\nthree\n").hexdigest()
    assert filecmp.cmp(f"{directory}/data/empty", f"{directory}/data/empty", shallow=False)
    assert "words" in runpy.run_path(f"{directory}/__init__.py")
    with tempfile.TemporaryDirectory() as place:
        copy = os.path.join(place, "copy")
        shutil.copytree(directory, copy)
        with open(os.path.join(copy, "data", "words.txt"), "a") as stream:
            stream.write("four\n")
        assert os.path.getmtime(os.path.join(copy, "script.sh")) == 946684800
        shutil.copy2(f"{directory}/data/words.txt", os.path.join(place, "words"))
        assert os.path.getsize(os.path.join(place, "words")) == 14
        py_compile.compile(f"{directory}/__init__.py", cfile=os.path.join(place, "x.pyc"), doraise=True)
        archive = os.path.join(place, "a.zip")
        with zipfile.ZipFile(archive, "w") as target:
            target.write(f"{directory}/data/words.txt", "words.txt")
        with zipfile.ZipFile(archive) as source:
            assert source.read("words.txt") == b"one two\nthree\n"
        with tarfile.open(os.path.join(place, "a.tar"), "w") as target:
            target.add(directory, "parcel")
        with tarfile.open(os.path.join(place, "a.tar")) as source:
            assert source.extractfile("parcel/data/words.txt").read() == b"one two\nthree\n"
    place = f"{directory}/data/deeper/words.db".replace("\\", "/")
    with contextlib.closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as database:
        assert database.execute("select word from words").fetchall() == [("one",), ("two",)]
    try:
        sqlite3.connect(f"file:{directory}/absent.db?mode=ro", uri=True).execute("select 1 from t")
    except sqlite3.OperationalError as error:
        assert "unable to open" in str(error), error
    try:
        runpy.run_path(f"{directory}/data/parcel.ini")
    except (SyntaxError, NameError):
        text = traceback.format_exc()
        assert "parcel.ini" in text, text
