"""importlib.metadata.files, locate_file and packages_distributions."""

from importlib import metadata

from where import virtual


def run():
    files = metadata.files("sample-dist")
    paths = [str(file) for file in files]
    assert "sample/data.txt" in paths, paths
    data = files[paths.index("sample/data.txt")]
    assert str(data.locate()) == virtual("/~oxidize/app/sample/data.txt"), data.locate()
    assert data.read_text(encoding="utf-8").startswith("plain text")
    assert data.read_binary().startswith(b"plain text")
    distribution = metadata.distribution("sample-dist")
    assert str(distribution.locate_file("sample")) == virtual("/~oxidize/app/sample")
    assert distribution.read_text("INSTALLER") == "pip\n"
    assert distribution.read_text("absent") is None
    assert metadata.packages_distributions()["sample"] == ["Sample_Dist"]
