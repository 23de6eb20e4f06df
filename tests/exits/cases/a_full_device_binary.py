# fast
full = open("/dev/full", "wb")
full.write(b"does not fit")
