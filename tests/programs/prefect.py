# require: prefect
"""Starts a server of its own by sys.executable."""
import os
os.environ["PREFECT_HOME"] = os.path.abspath("prefect")
os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "150"
from prefect import flow, task

@task
def add(number): return number + 1
@flow
def work(): return add(1)
if __name__ == "__main__":
    assert work() == 2
    print("ok")
