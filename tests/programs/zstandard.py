# require: zstandard lz4 brotli
import brotli, lz4.frame, zstandard
data = b"words " * 10000
assert zstandard.decompress(zstandard.compress(data)) == data
assert lz4.frame.decompress(lz4.frame.compress(data)) == data
assert brotli.decompress(brotli.compress(data)) == data
print("ok")
