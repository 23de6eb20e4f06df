# full
text = open("detached.txt", "w")
text.write("x")
buffer = text.detach()
buffer.write(b"y")
