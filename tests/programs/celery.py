# require: celery
# entry: celery
# run: --version
