# run:
# stdout: hello

print("hello")
