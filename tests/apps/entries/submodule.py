# package: --entry tool.inner
# run:
# stdout: __main__ tool tool.inner
