# require: cryptography
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ed25519
key = Fernet(Fernet.generate_key()); assert key.decrypt(key.encrypt(b"x")) == b"x"
private = ed25519.Ed25519PrivateKey.generate(); private.public_key().verify(private.sign(b"m"), b"m")
print("ok")
