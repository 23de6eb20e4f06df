"""A wheel with extension modules and a bundled shared library, none of which may touch the disk."""

import sys

import numpy

matrix = numpy.arange(9.0).reshape(3, 3) + numpy.eye(3)
left, values, right = numpy.linalg.svd(matrix)
assert numpy.allclose(left @ numpy.diag(values) @ right, matrix)
assert numpy.allclose(numpy.fft.ifft(numpy.fft.fft(values)), values)
assert numpy.random.default_rng(1).random(3).shape == (3,)
assert numpy.__file__ == "/~oxidize/app/numpy/__init__.py", numpy.__file__

with open("/proc/self/maps") as maps:
    files = {line.split(maxsplit=5)[5].strip() for line in maps if line.count(" ") > 4 and len(line.split()) > 5}
libraries = sorted(path for path in files if "openblas" in path or "multiarray" in path)
assert libraries and all(path.startswith("/memfd:") for path in libraries), libraries
print(numpy.__version__, sys.version_info[:2])
