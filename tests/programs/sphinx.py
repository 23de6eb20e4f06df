# require: sphinx
# entry: sphinx-build
# file: src/conf.py = project = "p"\n
# file: src/index.rst = Title\n=====\n\ntext\n
# run: -q -b html src out
# run: -q -b man src man
