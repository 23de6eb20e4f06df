# full
import os
import tempfile

tempfile.tempdir = os.getcwd()
file = tempfile.NamedTemporaryFile()
file.write(b"x")
directory = tempfile.TemporaryDirectory()
other = tempfile.TemporaryFile()
other.write(b"x")
