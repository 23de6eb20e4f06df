import importlib.metadata, importlib.resources, importlib.util

print(list(importlib.metadata.distributions()), importlib.util.find_spec("json").name)
print(importlib.resources.files("importlib").joinpath("abc.py").is_file())
