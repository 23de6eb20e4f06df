# require: supervisor
# entry: supervisord
# run: --version
# stdout: 4.
