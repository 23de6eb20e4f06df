# What a process is and how it ends. Each function below is one program, run as `app NAME ARGUMENTS`, both packaged and
# by the plain interpreter; tests/process.rs compares the two and says what the surroundings are.
import atexit
import os
import signal
import sys
import threading
import time

ARGUMENTS = sys.argv[2:]


# How a program ends.


def ends_quietly():
    print("done")


def exits():
    sys.exit(*[eval(argument) for argument in ARGUMENTS])


def exits_with_code_replaced():
    error = SystemExit(3)
    error.code = 4
    raise error


def exits_from_nested_calls():
    try:
        sys.exit(5)
    finally:
        print("finally")


def exits_in_atexit():
    atexit.register(sys.exit, 9)
    print("registered")


def exits_in_thread():
    thread = threading.Thread(target=sys.exit, args=(4,))
    thread.start()
    thread.join()


def leaves_at_once():
    atexit.register(print, "never")
    sys.stdout.write("lost")
    os._exit(5)


def aborts():
    os.abort()


def kills_itself():
    os.kill(os.getpid(), getattr(signal, ARGUMENTS[0]))
    time.sleep(5)


def raises():
    raise ValueError("with a text", 1, "ünïcödé")


def raises_with_cause():
    try:
        try:
            {}["key"]
        except KeyError as error:
            raise RuntimeError("second") from error
    except RuntimeError:
        raise TypeError("third")


def raises_a_group():
    raise ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [TypeError("two")])])


def raises_what_cannot_be_shown():
    class Hidden(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    raise Hidden


def raises_with_notes():
    error = ValueError("text")
    error.add_note("a note")
    raise error


def raises_a_syntax_error():
    compile("a = (1,\nb = 2", "made up.py", "exec")


def raises_an_import_error():
    from os import no_such_name


def raises_name_error_with_suggestion():
    ARGUMENT


def has_its_own_excepthook():
    sys.excepthook = lambda kind, value, traceback: print("hook", kind.__name__, value)
    raise ValueError("text")


def has_a_broken_excepthook():
    def hook(kind, value, traceback):
        raise RuntimeError("in the hook")

    sys.excepthook = hook
    raise ValueError("text")


def raises_where_nobody_listens():
    class Noisy:
        def __del__(self):
            raise ValueError("in __del__")

    Noisy()
    print("still here")


# Interruption.


def is_interrupted():
    # Held back until the last line, so that the traceback always shows that one.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    print("ready", flush=True)
    while signal.SIGINT not in signal.sigpending():
        time.sleep(0.01)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def raises_keyboard_interrupt():
    atexit.register(print, "atexit runs")
    raise KeyboardInterrupt


def handles_interruption():
    try:
        print("ready", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(8)


def handles_termination():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
    atexit.register(print, "atexit runs")
    print("ready", flush=True)
    time.sleep(30)


def shows_signal_handlers():
    for name in ("SIGINT", "SIGTERM", "SIGPIPE", "SIGXFSZ", "SIGHUP", "SIGCHLD", "SIGUSR1"):
        handler = signal.getsignal(getattr(signal, name))
        print(name, getattr(handler, "__name__", handler))
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []))


# The end of the interpreter.


def runs_atexit_functions():
    atexit.register(print, "first")
    atexit.register(print, "second")
    atexit.register(lambda: 1 / 0)
    atexit.register(print, "last", flush=True)


def leaves_threads():
    def work(name, seconds):
        time.sleep(seconds)
        print(name, flush=True)

    threading.Thread(target=work, args=("waited for", 0.2)).start()
    threading.Thread(target=work, args=("never printed", 60), daemon=True).start()
    print("main ends", flush=True)


def has_a_failing_thread():
    def fail():
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    print("main goes on")


def leaves_a_busy_daemon():
    def spin():
        while True:
            sum(range(100))

    for _ in range(3):
        threading.Thread(target=spin, daemon=True).start()
    print("main ends")


def leaves_files_open():
    stream = open("left-open.txt", "w")
    stream.write("buffered")
    atexit.register(lambda: print(os.path.getsize("left-open.txt")))
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    del stream
    with open("left-open.txt") as stream:
        print(stream.read())


def cleans_up():
    class Noisy:
        def __init__(self, name):
            self.name = name

        def __del__(self):
            print("deleted", self.name)

    module = sys.modules["__main__"]
    module.kept = Noisy("global")
    cycle = Noisy("cycle")
    cycle.own = cycle
    del cycle

    def generator():
        try:
            yield 1
        finally:
            print("generator closed")

    module.started = generator()
    next(module.started)


def starts_a_thread_too_late():
    def late():
        try:
            threading.Thread(target=print).start()
        except RuntimeError as error:
            print(error)

    atexit.register(late)


def forks():
    print("before", flush=True)
    child = os.fork()
    if child == 0:
        print("child")
        sys.exit(6)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


# Streams.


def shows_streams():
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            report = None
        else:
            report = (stream.name, stream.mode, stream.encoding, stream.errors, stream.isatty(), stream.line_buffering,
                      stream.write_through, type(stream.buffer).__name__)
        print(name, report, file=sys.stdout or sys.stderr)
    print(sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, file=sys.stdout or sys.stderr)


def reads_lines():
    for line in sys.stdin:
        print(repr(line))


def reads_bytes():
    print(sys.stdin.buffer.read())


def asks():
    print(repr(input("name? ")))
    try:
        input()
    except EOFError as error:
        print("EOFError", error)


def prints_much():
    for number in range(200_000):
        print(number)


def prints_much_as_a_good_citizen():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    prints_much()


def prints():
    print("text")


def prints_to_both():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    sys.exit(3)


def prints_surrogates():
    print(ascii(ARGUMENTS[0]))
    sys.stderr.write(ARGUMENTS[0] + "\n")
    try:
        print(ARGUMENTS[0])
    except UnicodeEncodeError as error:
        print("UnicodeEncodeError", error.encoding, error.reason)


def writes_interleaved():
    os.dup2(1, 2)
    print("1", end="")
    sys.stderr.write("2")
    print("3", flush=True)
    sys.stderr.write("4")
    os.write(1, b"5")


# Surroundings.


def shows_arguments():
    print(len(sys.argv) - 1, [ascii(argument) for argument in ARGUMENTS])
    print([os.fsencode(argument) for argument in ARGUMENTS])


def counts_arguments():
    print(len(ARGUMENTS), sum(len(argument) for argument in ARGUMENTS), ARGUMENTS[0], ARGUMENTS[-1])


def shows_environment():
    for name in sorted(os.environb):
        if name not in (b"_", b"PWD", b"SHLVL", b"OLDPWD"):
            print(name, os.environb[name], ascii(os.environ[os.fsdecode(name)]))


def shows_encodings():
    import codecs
    import locale

    print(sys.flags.utf8_mode, sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getdefaultencoding())
    print(locale.getpreferredencoding(), locale.getencoding(), locale.setlocale(locale.LC_CTYPE), locale.setlocale(locale.LC_TIME))
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # The same encoding has two spellings, by where it comes from.
        print(codecs.lookup(stream.encoding).name, stream.errors)
    print(os.environ.get("LC_CTYPE"), os.environ.get("LC_ALL"))
    print(os.fsencode("é") if sys.getfilesystemencoding() == "utf-8" else None)


def shows_flags():
    # no_site: what site would do is done without it. dont_write_bytecode: a packaged program leaves nothing behind.
    other = ("count", "index", "no_site", "dont_write_bytecode")
    print({name: getattr(sys.flags, name) for name in dir(sys.flags) if name[0].islower() and name not in other})
    print(sys.warnoptions, sys._xoptions, sys.pycache_prefix, sys.get_int_max_str_digits())
    print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.platform, sys.byteorder, sys.maxsize, sys.hash_info.algorithm)
    print(sys.version_info, sys.hexversion, sys.api_version, sys.abiflags, sys.implementation.name, sys.float_repr_style)
    print(sys.platlibdir, sys.orig_argv[-1:], sys._git, sys.thread_info)


def shows_main():
    main = sys.modules["__main__"]
    print(main.__name__, main.__doc__, type(main).__name__, type(main.__builtins__).__name__, main.__dict__ is globals())
    print(sorted(name for name in globals() if name.startswith("__") and name not in ("__annotations__", "__cached__")))
    print(main.__annotations__ if hasattr(main, "__annotations__") else None)


def knows_the_machine():
    import platform
    import sysconfig
    import time

    print(platform.python_version(), platform.python_implementation(), platform.machine(), platform.system())
    print(sysconfig.get_platform(), sysconfig.get_config_var("SOABI"), sysconfig.get_config_var("EXT_SUFFIX"))
    print(time.tzname, os.getcwd() == os.path.abspath(os.curdir), os.umask(0o22) == os.umask(0o22))


def warns():
    import warnings

    warnings.warn("a user warning")
    warnings.warn("deprecated in __main__", DeprecationWarning)
    warnings.warn("pending", PendingDeprecationWarning)
    warnings.warn("resource", ResourceWarning)
    open("/dev/null")
    warnings.warn("a user warning")
    print([(action, category.__name__) for action, _, category, _, _ in warnings.filters])


def has_a_fault():
    import faulthandler

    faulthandler.enable()
    sys.stdout.flush()
    faulthandler._sigsegv()


def has_an_unhandled_fault():
    import faulthandler

    faulthandler._sigsegv()


def dumps_its_threads():
    import faulthandler

    faulthandler.dump_traceback(all_threads=True)


def recurses():
    def deeper(depth):
        return deeper(depth + 1)

    for where in ("main", "thread"):
        def work():
            try:
                deeper(0)
            except RecursionError as error:
                print(where, error)

        if where == "main":
            work()
        else:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()


def recurses_deeply():
    sys.setrecursionlimit(100_000)

    def depth(count):
        return 0 if count == 0 else 1 + depth(count - 1)

    print(depth(90_000))


def recurses_in_c():
    import json
    import pickle

    nested = []
    for _ in range(100_000):
        nested = [nested]
    for work in (lambda: json.dumps(nested), lambda: repr(nested), lambda: pickle.dumps(nested), lambda: json.loads("[" * 100_000),
                 lambda: compile("(" * 500, "x", "eval"), lambda: compile("-" * 100_000 + "1", "x", "eval")):
        for where in ("main", "thread"):
            def attempt():
                try:
                    work()
                    print("no error")
                except (RecursionError, SyntaxError, MemoryError) as error:
                    print(type(error).__name__, error)

            thread = threading.Thread(target=attempt)
            thread.start() if where == "thread" else attempt()
            if where == "thread":
                thread.join()


globals()[sys.argv[1]]()
