# require: alembic
# entry: alembic
# run: init migrations
# run: --version
# stdout: alembic
