# run: --help
# stdout-has: usage: app [-h] [--version] {list,convert} ...
# stdout-has: Converts lengths.
# run: --version
# stdout: units 1.0
# run: list
# stdout: ft foot
# stdout: km kilometre
# stdout: m metre
# run: convert 2.5 km m
# stdout: 2.5 km = 2500 m
# run: convert 2.5 km miles
# status: 2
# stderr-has: app convert: error: argument to: invalid choice: 'miles' (choose from 'ft', 'km', 'm')
# run: convert
# status: 2
# stderr-has: the following arguments are required: value, from, to
# run: list --format json
# env: LC_ALL=C
# stdout-has: "note": "l\u00e4nger"
"""A command line program with data files beside its modules."""

import sys

from units.cli import main

sys.exit(main())
