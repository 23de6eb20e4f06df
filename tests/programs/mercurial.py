# require: mercurial
"""`hg init`, `commit` and `log`: the script `hg` does no more than this."""
import os
import subprocess
import sys

if len(sys.argv) > 1:
    from mercurial import dispatch

    dispatch.run()

def hg(*arguments):
    command = [sys.executable, "/~oxidize/app/__main__.py", *arguments]
    if not os.path.exists(command[1]):
        command[1] = __file__
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

hg("init", "repository")
with open("repository/a.txt", "w") as stream:
    stream.write("hello\n")
hg("--cwd", "repository", "commit", "-A", "-m", "first", "-u", "somebody")
assert "summary:     first" in hg("--cwd", "repository", "log")
assert "Mercurial" in hg("version")
print("ok")
