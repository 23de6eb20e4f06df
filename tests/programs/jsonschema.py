# require: jsonschema[format]
import jsonschema
jsonschema.validate({"a": 1}, {"type": "object", "properties": {"a": {"type": "integer"}}})
try: jsonschema.validate("x", {"type": "integer"})
except jsonschema.ValidationError: print("ok")
