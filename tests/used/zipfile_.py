import io, tarfile, zipfile

for method in zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA:
    with zipfile.ZipFile(data := io.BytesIO(), "w", method) as archive:
        archive.writestr("a/b", "x" * 100)
    print(zipfile.Path(data, "a/").joinpath("b").read_text() == "x" * 100)
for kind in "gz", "bz2", "xz":
    tarfile.open(mode=f"w:{kind}", fileobj=io.BytesIO()).close()
