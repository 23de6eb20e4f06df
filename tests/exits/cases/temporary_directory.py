# fast
import os
import tempfile

tempfile.tempdir = os.getcwd()
directory = tempfile.TemporaryDirectory()
open(os.path.join(directory.name, "inside"), "w").close()
