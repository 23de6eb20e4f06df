# full
import sys

sys.unraisablehook = lambda args: print("hook:", args.exc_type.__name__, file=sys.stderr)
full = open("/dev/full", "w")
full.write("does not fit")
