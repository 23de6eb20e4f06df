# require: cython setuptools
# entry: cython
# file: a.pyx = cdef int twice(int x): return 2 * x\ndef f(x): return twice(x)\n
# run: -3 a.pyx -o a.c
# run: --version
