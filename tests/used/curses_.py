import curses, curses.ascii, curses.panel, curses.textpad

print(curses.ascii.unctrl("\n"), hasattr(curses, "has_key"))
