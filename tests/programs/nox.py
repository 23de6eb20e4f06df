# require: nox
# entry: nox
# file: noxfile.py = import nox\n@nox.session(python=False)\ndef hello(session): print("from nox")\n
# run: -s hello
# stdout: from nox
