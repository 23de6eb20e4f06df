# require: vulture radon
"""Two tools that read programs, through their modules."""
import subprocess, sys
with open("a.py", "w") as file:
    file.write("import os\ndef unused(x):\n    if x: return 1\n    return 2\n")
run = lambda *words: subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
done = run("vulture", "a.py")
assert "unused function 'unused'" in done.stdout, done
done = run("radon", "cc", "a.py", "-s")
assert "unused - A (2)" in done.stdout, done
print("ok")
