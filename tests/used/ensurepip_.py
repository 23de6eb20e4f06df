import ensurepip

print(callable(ensurepip.bootstrap), ensurepip.version())
