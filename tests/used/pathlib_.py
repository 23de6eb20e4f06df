import pathlib, shutil, tempfile

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "a", "b")
    path.mkdir(parents=True)
    path.joinpath("c.txt").write_text("text")
    archive = shutil.make_archive(str(pathlib.Path(folder, "x")), "xztar", path)
    print([found.name for found in pathlib.Path(folder).rglob("*")].sort(), pathlib.Path(archive).suffixes)
    shutil.unpack_archive(archive, pathlib.Path(folder, "out"))
    print(pathlib.Path(folder, "out", "c.txt").read_text())
