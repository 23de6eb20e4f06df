# require: gunicorn
# entry: gunicorn
# run: --version
# stdout: gunicorn
