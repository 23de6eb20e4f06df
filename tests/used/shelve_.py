import os, shelve, tempfile

with tempfile.TemporaryDirectory() as folder:
    with shelve.open(os.path.join(folder, "x")) as shelf:
        shelf["a"] = [1]
        print(dict(shelf))
