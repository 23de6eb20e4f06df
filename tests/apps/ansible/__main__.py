# Tasks on this machine: Ansible writes a module into a file, and a shell starts sys.executable with
# it.
import sys

from ansible.cli.adhoc import main

if __name__ == "__main__":
    main(["ansible", "localhost", "--connection", "local", *sys.argv[1:]])
