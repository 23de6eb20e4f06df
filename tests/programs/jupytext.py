# require: jupytext
# entry: jupytext
# file: a.py = # %% [markdown]\n# Title\n\n# %%\nprint(1)\n
# run: --to ipynb a.py
# run: --to md --output - a.ipynb
# stdout: print(1)
