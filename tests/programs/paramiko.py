# require: paramiko
import paramiko
key = paramiko.ECDSAKey.generate(); assert key.get_bits() == 256
print("ok")
