# require: cookiecutter
# entry: cookiecutter
# file: t/cookiecutter.json = {"n": "x"}
# file: t/{{cookiecutter.n}}/a.txt = {{cookiecutter.n}}
# run: --no-input t
