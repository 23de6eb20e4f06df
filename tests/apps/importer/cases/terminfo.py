# needs: posix
# run: terminfo
# env: TERM=xterm
# stdout: ok
"""curses finds the description of a common terminal where distributions keep them."""

import curses


def run():
    curses.setupterm("xterm", 1)
    assert curses.tigetnum("colors") == 8
    assert curses.tigetstr("cup")
