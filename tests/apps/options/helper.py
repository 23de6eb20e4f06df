"""A documented module."""


def fail():
    """Fails."""
    raise RuntimeError("on purpose")


def checked(value):
    assert value, "assertions are on"
    return value
