"""importlib.reload runs the code again in the same module object."""

import importlib
import json

import counted
from where import virtual


def run():
    assert counted.runs == 1
    again = importlib.reload(counted)
    assert again is counted
    assert counted.runs == 2
    assert counted.__spec__.origin == virtual("/~oxidize/app/counted.py")
    assert importlib.reload(json) is json
    assert json.loads("[1]") == [1]
