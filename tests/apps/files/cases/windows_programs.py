# needs: windows
"""Programs that lie in a package run from the cache: subprocess, os.spawn."""

import os
import shutil
import subprocess


def run(directory):
    script = f"{directory}\\script.bat"
    assert shutil.which(script) == script
    assert shutil.which("script", path=directory).lower() == script.lower()
    said = subprocess.check_output([script, "a", "b"], text=True)
    assert said.split() == ["script", "a", "b"], said
    assert subprocess.check_output(f'"{script}" c', text=True).split() == ["script", "c"]
    assert subprocess.check_output([script.removesuffix(".bat") + ".BAT"], text=True).split() == ["script"]
    cache = os.path.join(os.environ["LOCALAPPDATA"], "oxidize-inject", "files")
    found = [os.path.join(top, name) for top, _, files in os.walk(cache) for name in files]
    assert any(name.endswith("app\\parcel\\script.bat") for name in found), found
    for absent in (f"{directory}\\absent.exe", f"{directory}\\data\\words.txt"):
        try:
            subprocess.run([absent], check=True)
        except OSError:
            pass
        else:
            raise AssertionError(f"{absent} runs")
