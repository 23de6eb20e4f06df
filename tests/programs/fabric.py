# require: fabric
# entry: fab
# file: fabfile.py = from fabric import task\n@task\ndef hello(context): print("hello from a task")\n
# run: hello
# stdout: hello from a task
