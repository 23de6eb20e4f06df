# require: pipenv
# entry: pipenv
# run: --version
# stdout: pipenv
