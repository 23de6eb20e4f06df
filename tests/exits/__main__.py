# Runs a case of tests/exits.rs. The first line of a case says how the application must end.
import sys

__import__(f"cases.{sys.argv[1]}")
