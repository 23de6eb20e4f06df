# require: orjson msgpack
import datetime, uuid
import msgpack, orjson
value = {"when": datetime.datetime(2026, 1, 2), "id": uuid.UUID(int=1), "list": [1, 2.5, None]}
assert orjson.loads(orjson.dumps(value))["when"] == "2026-01-02T00:00:00"
assert msgpack.unpackb(msgpack.packb({"a": b"b", "c": [1, -1]})) == {"a": b"b", "c": [1, -1]}
print("ok")
