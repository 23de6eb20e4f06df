"""importlib.metadata.entry_points: selected by group and name, and loaded."""

from importlib import metadata


def run():
    (point,) = metadata.entry_points(group="sample.plugins")
    assert point.name == "shape" and point.value == "sample.sub:Shape"
    assert point.load().sides == 4
    assert point.dist.name == "Sample_Dist"
    (script,) = metadata.entry_points(group="console_scripts", name="sample-run")
    assert script.load()() == 42
    assert not metadata.entry_points(group="no.such.group")
