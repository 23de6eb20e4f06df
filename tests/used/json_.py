import json

print(json.loads(json.dumps({"a": [1, None]})))
try:
    json.loads("{")
except json.JSONDecodeError as error:
    print(error)
