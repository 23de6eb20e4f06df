"""Runs a program on a terminal of its own and types a line once it is asked and what is typed does not show. Arguments: the
question, the line, the program and its arguments. Prints the exit status on a line, and then what appeared on the terminal."""

import os
import pty
import signal
import sys
import termios
import time

question, line, program = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    # Of a shell's background commands some are ignored.
    for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
        signal.signal(number, signal.SIG_DFL)
    os.execv(program[0], program)
seen = b""
answered = False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:  # the other end is closed
        break
    if not part:
        break
    seen += part
    if not answered and question in seen:
        answered = True
        deadline = time.monotonic() + 20
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            if time.monotonic() > deadline:
                sys.exit("what is typed would show")
            time.sleep(0.01)
        os.write(terminal, line + b"\n")
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
sys.stdout.flush()
sys.stdout.buffer.write(seen)
