# require: pynacl argon2-cffi bcrypt
import argon2, bcrypt, nacl.secret, nacl.signing, nacl.utils
key = nacl.signing.SigningKey.generate()
assert key.verify_key.verify(key.sign(b"text")) == b"text"
box = nacl.secret.SecretBox(nacl.utils.random(32))
assert box.decrypt(box.encrypt(b"secret")) == b"secret"
assert argon2.PasswordHasher().verify(argon2.PasswordHasher().hash("a"), "a")
assert bcrypt.checkpw(b"a", bcrypt.hashpw(b"a", bcrypt.gensalt(4)))
print("ok")
