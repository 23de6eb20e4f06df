# require: jedi
import jedi
names = [c.name for c in jedi.Script("import json\njson.lo").complete(2, 7)]
assert names == ["load", "loads"], names
assert jedi.Script("import json\njson.loads").help(2, 7)[0].docstring().startswith("loads(")
print("ok")
