import configparser, csv, plistlib, tomllib

print(tomllib.loads("a = 2026-01-02"), plistlib.loads(plistlib.dumps({"a": 1})))
print(list(csv.reader(["a,b"])), configparser.ConfigParser().sections())
