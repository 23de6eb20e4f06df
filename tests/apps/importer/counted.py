# How often this module's code has run, kept across reloads.
runs = globals().get("runs", 0) + 1
