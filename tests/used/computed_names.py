import importlib

part = "handlers"
print(importlib.import_module(f"logging.{part}").__name__)
print(importlib.import_module("wsgiref.%s" % "util").__name__)
print(__import__("xml." + "etree", fromlist=["ElementTree"]).__name__)
for name in ["colorsys", "sndhdr"]:
    try:
        print(importlib.import_module(name).__name__)
    except ModuleNotFoundError as error:
        print(error)
