# full
import tempfile

file = tempfile.SpooledTemporaryFile()
file.write(b"x")
