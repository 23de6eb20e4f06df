# fast
import subprocess

done = subprocess.run(["true"])
child = subprocess.Popen(["sleep", "0.01"])
output = subprocess.Popen(["echo", "x"], stdout=subprocess.PIPE)
output.wait()
