import dbm, os, tempfile

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "x")
    with dbm.open(path, "c") as base:
        base["key"] = "value"
    print(dbm.whichdb(path))
