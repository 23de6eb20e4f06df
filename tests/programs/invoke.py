# require: invoke
# musl
# entry: invoke
# file: tasks.py = from invoke import task\n@task\ndef hello(c): c.run("echo from invoke")\n
# run: hello
# stdout: from invoke
