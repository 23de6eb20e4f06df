# require: scapy
# musl
from scapy.layers.inet import IP, TCP
assert len(bytes(IP(dst="127.0.0.1") / TCP())) == 40
print("ok")
