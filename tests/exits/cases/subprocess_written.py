# fast
import subprocess

child = subprocess.Popen(["tee", "copied.txt"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
child.stdin.write(b"in a buffer until the end")
