"""importlib.metadata: version, requires, files, entry points, packages, locate_file."""

from importlib import metadata


def run():
    # Any spelling of the name.
    for name in ("sample-dist", "Sample_Dist", "sample.dist"):
        assert metadata.version(name) == "1.2"
    distribution = metadata.distribution("sample-dist")
    assert distribution.metadata["Name"] == "Sample_Dist"
    assert distribution.metadata["Summary"] == "A distribution to be looked at"
    assert metadata.requires("sample-dist") == ["other-dist>=3", 'extra-dist; extra == "more"']
    try:
        metadata.version("no-such-dist")
    except metadata.PackageNotFoundError:
        pass
    else:
        raise AssertionError("there is no such distribution")
    _check_names()


def _check_names():
    names = {distribution.metadata["Name"] for distribution in metadata.distributions()}
    assert "Sample_Dist" in names
