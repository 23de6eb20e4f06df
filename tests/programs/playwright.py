# require: playwright
# place: playwright=files
"""node lies in the package, beside the files that it reads."""
import subprocess
from playwright._impl._driver import compute_driver_executable, get_driver_env
executable, cli = compute_driver_executable()
print(subprocess.run([executable, cli, "--version"], env=get_driver_env(), check=True, capture_output=True, text=True).stdout)
print("ok")
