# require: protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, struct_pb2
file = descriptor_pb2.FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
message = file.message_type.add(name="Point")
for number, name in enumerate(["x", "y"], 1):
    message.field.add(name=name, number=number, type=1, label=1)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Point = message_factory.GetMessageClass(pool.FindMessageTypeByName("a.Point"))
assert Point.FromString(Point(x=1, y=2.5).SerializeToString()).y == 2.5
assert json_format.MessageToDict(json_format.ParseDict({"a": [1, "b"]}, struct_pb2.Struct())) == {"a": [1, "b"]}
print("ok")
