# require: pre-commit
# entry: pre-commit
# run: sample-config
# stdout: repos:
# run: --version
# stdout: pre-commit
