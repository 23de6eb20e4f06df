# require: pycryptodome
"""Each algorithm is a library that is opened by its path."""
from Crypto.Cipher import AES
from Crypto.Hash import SHA256

assert len(AES.new(b"k" * 16, AES.MODE_GCM).encrypt(b"text")) == 4
assert SHA256.new(b"").hexdigest().startswith("e3b0c442")
print("ok")
