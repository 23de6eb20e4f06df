# require: uv
"""A program in the wheel's scripts, found as its module finds it."""
import subprocess
import uv

assert subprocess.check_output([uv.find_uv_bin(), "--version"]).startswith(b"uv ")
print("ok")
