"""sys.executable, argv, flags, path and friends."""

import os
import sys

from where import virtual


def run():
    assert os.path.isfile(sys.executable), sys.executable
    if os.name == "posix":
        assert os.path.realpath("/proc/self/exe") == os.path.realpath(sys.executable)
    assert sys.argv[1:] == ["sys_values"]
    assert os.path.realpath(sys.argv[0]) == os.path.realpath(sys.executable), sys.argv
    assert sys.path == [virtual("/~oxidize/app"), virtual("/~oxidize/lib/python3.13")], sys.path
    assert sys.prefix == sys.base_prefix == sys.exec_prefix == virtual("/~oxidize"), sys.prefix
    assert sys.flags.isolated == 1 and sys.flags.ignore_environment == 1
    assert sys.flags.no_user_site == 1 and sys.flags.safe_path
    assert sys.flags.optimize == 0 and sys.flags.dev_mode is False
    assert sys.dont_write_bytecode
    assert sys.version_info[:2] == (3, 13)
    assert sys.implementation.cache_tag == "cpython-313"
    assert not hasattr(sys, "frozen")
    assert sys.stdlib_module_names >= {"os", "json"}
    assert os.environ.get("OXIDIZE_STARTED_BY") is None
