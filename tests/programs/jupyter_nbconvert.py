# require: nbconvert
# entry: jupyter-nbconvert
# file: a.ipynb = {"cells":[{"cell_type":"markdown","metadata":{},"source":["# Title"]}],"metadata":{},"nbformat":4,"nbformat_minor":5}
# run: --to html a.ipynb
# run: --to markdown --stdout a.ipynb
# stdout: # Title
