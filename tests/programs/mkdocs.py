# require: mkdocs
# entry: mkdocs
# file: mkdocs.yml = site_name: x\n
# file: docs/index.md = # Hello\n
# run: build -q
