# require: mkdocs-material
# entry: mkdocs
# file: mkdocs.yml = site_name: x\ntheme:\n  name: material\n
# file: docs/index.md = # Hello\n
# run: build -q
