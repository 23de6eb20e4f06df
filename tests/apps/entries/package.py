# package: --entry program
# run: -c x -m y --help
# stdout: __main__ program program.__main__ /~oxidize/app/program/__main__.py
# stdout: app ['-c', 'x', '-m', 'y', '--help']
# stdout: True
