# require: grpcio-tools
"""protoc with the definitions that lie in the package."""
import importlib.resources
import sys

from grpc_tools import protoc

with open("a.proto", "w") as file:
    file.write('syntax = "proto3"; import "google/protobuf/timestamp.proto"; message A { google.protobuf.Timestamp at = 1; }')
included = str(importlib.resources.files("grpc_tools") / "_proto")
assert protoc.main(["protoc", f"-I{included}", "-I.", "--python_out=.", "a.proto"]) == 0
sys.path.insert(0, ".")
import a_pb2

assert a_pb2.A().at.seconds == 0
print("ok")
