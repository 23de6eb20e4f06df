# require: locust
# entry: locust
# run: --version
# stdout: locust
