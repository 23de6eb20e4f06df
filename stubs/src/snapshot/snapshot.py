"""Python's part of a snapshot: what is watched while modules are imported, and what a new process makes its own.

The injector never runs this. `dump.rs` runs it once, in the process that the snapshot is taken of; `resume` then lives in the
snapshot. Nothing is imported here that the interpreter does not have anyway.
"""

import _signal
import posix
import sys

PLACE = None  # Stands for the executable's path in the snapshot: (sys.executable, file, directory).
VARIABLES = {}  # Recorded: name -> value or None, both bytes.
READERS = {}  # The code that read them first.
FACTS = {}  # What imports have asked about the process (a key of the table in docs/snapshot.md) -> the code that asked first.
RELOADED = []  # Modules that each process executes again.
ASKING = []  # (namespace, name, what answers while modules are imported, what answered before).
USERS = []  # The code that the list of users told a home directory.
CHANGED = {}  # Variables that imports set (bytes) or removed (None).
SEEDED = []  # Instances of random.Random that seeded themselves.
PATHS = []  # (namespace, key, index of PLACE, rest): strings made of the executable's path.
CONTEXTS = []  # TLS contexts.
HANDLERS = []  # (signal, handler) that differ from the default.
STATE = {"before": {}, "descriptors": set(), "directory": None, "mask": 0, "whole": None}


class Recorder(dict):
    """`posix.environ` while modules are imported."""

    def __getitem__(self, key):
        if key not in CHANGED and key not in VARIABLES:
            frame = caller()
            if not is_renewed(frame, key):
                VARIABLES[key] = STATE["before"].get(key)
                READERS[key] = place_of(frame)
                if key == b"HOME" and VARIABLES[key] is None and is_called("expanduser"):
                    USERS.append(READERS[key])
        return dict.__getitem__(self, key)

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key):
        return self.get(key) is not None

    def __setitem__(self, key, value):
        CHANGED[key] = value
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        CHANGED[key] = None
        dict.__delitem__(self, key)

    def whole(self):
        frame = caller()
        if STATE["whole"] is None and not is_renewed(frame, None):
            STATE["whole"] = place_of(frame)

    def __iter__(self):
        self.whole()
        return dict.__iter__(self)

    def __len__(self):
        self.whole()
        return dict.__len__(self)

    def keys(self):
        return iter(self)

    def items(self):
        self.whole()
        return dict.items(self)

    def values(self):
        self.whole()
        return dict.values(self)

    def copy(self):
        self.whole()
        return dict(dict.items(self))


def asked(fact):
    """Notes that an import has asked."""
    if STATE and fact not in FACTS:
        frame = caller()
        if not is_renewed(frame, fact):
            FACTS[fact] = place_of(frame)


class Arguments(list):
    """`sys.argv` and `sys.orig_argv` while modules are imported. Without fields of its own: `dump.rs` makes lists of this class and back."""

    __slots__ = ()

    def __getitem__(self, index):
        # What stands first is the program's name.
        asked("name" if index == 0 and type(index) is int else "arguments")
        return list.__getitem__(self, index)

    def noted(name):
        function = getattr(list, name)

        def answer(self, *arguments):
            asked("arguments")
            return function(self, *arguments)

        return answer

    for name in """__iter__ __reversed__ __len__ __contains__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __add__ __mul__ __rmul__
        __repr__ __setitem__ __delitem__ __iadd__ __imul__ append clear copy count extend index insert pop remove reverse
        sort""".split():
        locals()[name] = noted(name)
    del name, noted


def ask(fact, holder, *names):
    """Notes when an import calls one of these functions."""
    for name in names:
        original = getattr(holder, name, None)
        if original is None:
            continue

        def answer(*arguments, original=original, **named):
            asked(fact)
            return original(*arguments, **named)

        ASKING.append((holder, name, answer, vars(holder).get(name)))
        setattr(holder, name, answer)


def stop_asking():
    """Gives the functions back, to modules that have imported them from another, too."""
    originals = {}
    for holder, name, answer, before in ASKING:
        if before is None:
            delattr(holder, name)  # A method of the class.
        else:
            setattr(holder, name, before)
            originals[answer] = before
    for module in list(sys.modules.values()):
        namespace = getattr(module, "__dict__", None)
        if type(namespace) is dict:
            for name, value in list(namespace.items()):
                if type(value) is type(ask) and value in originals:
                    namespace[name] = originals[value]
    ASKING.clear()


class Watch:
    """A finder that finds nothing, and sees to it that generators are known as soon as there can be any."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "random":
            return None
        for finder in sys.meta_path:
            spec = finder is not Watch and finder.find_spec(name, path, target)
            if spec:
                spec.loader = Loader(spec.loader)
                return spec
        return None


class Loader:
    """Executes `random` with its own loader, then watches it."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        watch(module)


def watch(module):
    """Notes the generators that seed themselves."""
    original = module.Random.seed

    def seed(self, a=None, version=2):
        original(self, a, version)
        while self in Same(SEEDED):
            del SEEDED[next(i for i, other in enumerate(SEEDED) if other is self)]
        if a is None and not isinstance(self, module.SystemRandom):
            SEEDED.append(self)

    seed.original = original
    module.Random.seed = seed


class Same:
    """A list whose members are compared by identity."""

    def __init__(self, members):
        self.members = members

    def __contains__(self, item):
        return any(item is member for member in self.members)


# `resume` makes these modules compute everything anew,
FORGETFUL = (sys._stdlib_dir + "/sysconfig/", sys._stdlib_dir + "/wsgiref/handlers.py")
# and these what they make of one variable.
RENEWED = {
    (sys._stdlib_dir + "/ctypes/macholib/dyld.py", b"HOME"),
    (sys._stdlib_dir + "/multiprocessing/process.py", "directory"),
    (sys._stdlib_dir + "/pydoc.py", b"PYTHONDOCS"),
    (sys._stdlib_dir + "/subprocess.py", b"_PYTHON_SUBPROCESS_USE_POSIX_SPAWN"),
    (sys._stdlib_dir + "/zoneinfo/_tzpath.py", b"PYTHONTZPATH"),
}
# Those who read the environment for others.
MIDDLEMEN = ("/os.py", "/_collections_abc.py", "/posixpath.py", "/pathlib/_local.py", "/getpass.py")


def caller():
    """The frame of the code that wants something of the environment."""
    frame = sys._getframe(1)
    while frame:
        file = frame.f_code.co_filename
        if file != "<snapshot>" and not file.startswith("<frozen") and not file.endswith(MIDDLEMEN):
            return frame
        frame = frame.f_back
    return None


def is_called(name):
    """Whether a function of this name is about to get the answer."""
    frame = sys._getframe(1)
    while frame and frame.f_code.co_name != name:
        frame = frame.f_back
    return frame is not None


def place_of(frame):
    """A frame's file and line."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"


def executed(frame):
    """The module for whose execution the code runs."""
    while frame and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return frame.f_globals.get("__name__") if frame else None


def is_renewed(frame, key):
    """Whether nothing is left in a process of what this code has read. `key`: a variable or a fact."""
    if not frame:
        return False
    if executed(frame) in RELOADED:
        return True
    file = frame.f_code.co_filename
    if file.startswith(FORGETFUL) or (file, key) in RENEWED:
        return True
    # The user's languages, to look for translations in a directory of the application that there is not.
    if file == sys._stdlib_dir + "/gettext.py" and frame.f_code.co_name == "find":
        directory = frame.f_locals.get("localedir")
        if type(directory) is str and directory.startswith(sys.base_prefix + "/"):
            try:
                posix.stat(directory)
            except OSError:
                return True
    return False


def replace_environment(new):
    old = posix.environ
    posix.environ = new
    os = sys.modules.get("os")
    if os:
        for mapping in (os.environ, getattr(os, "environb", None)):
            if mapping is not None and mapping._data is old:
                mapping._data = new


def descriptors():
    found = {}
    for name in posix.listdir("/proc/self/fd"):
        try:
            found[int(name)] = posix.readlink("/proc/self/fd/" + name)
        except OSError:
            pass  # The one of the directory itself.
    return found


def umask():
    mask = posix.umask(0)
    posix.umask(mask)
    return mask


def begin(reloaded, *place):
    """Before the first import."""
    global PLACE
    PLACE = place
    RELOADED.extend(reloaded)
    STATE["before"] = dict(posix.environ)
    STATE["descriptors"] = set(descriptors())
    STATE["directory"] = posix.getcwd()
    STATE["mask"] = umask()
    STATE["tasks"] = len(posix.listdir("/proc/self/task"))
    STATE["lists"] = (sys.argv, sys.orig_argv)
    replace_environment(Recorder(posix.environ))
    for module in (posix, sys.modules.get("os")):
        if module:
            ask("directory", module, "getcwd", "getcwdb")
            ask("terminal", module, "isatty", "get_terminal_size", "ttyname")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        while stream:
            ask("terminal", stream, "isatty")
            stream = getattr(stream, "buffer", None) or getattr(stream, "raw", None)
    sys.meta_path.insert(0, Watch)
    if "random" in sys.modules:
        watch(sys.modules["random"])


def import_names(names):
    """Imports modules that must be there."""
    for name in names:
        __import__(name)


def opcodes():
    """The numbers of LOAD_CONST, IMPORT_NAME and EXTENDED_ARG in this Python."""
    code = compile("import a", "", "exec").co_code
    load, name = code[2], code[6]
    many = compile("\n".join(f"import a{number}" for number in range(300)), "", "exec").co_code
    last = max(at for at in range(0, len(many), 2) if many[at] == name)
    return load, name, many[last - 2]


def import_statements(code, package, name):
    """Executes the import statements of a module that itself must not run yet: those at its top level. Answers those that fail."""
    load, import_name, extended = opcodes()
    failed = []
    units = code.co_code
    scope = {"__name__": name, "__package__": package or "", "__spec__": None}
    argument = 0
    constants = []
    for at in range(0, len(units), 2):
        opcode = units[at]
        argument |= units[at + 1]
        if opcode == extended:
            argument <<= 8
            continue
        if opcode == load:
            constants.append(code.co_consts[argument])
        elif opcode == import_name and len(constants) >= 2:
            level, members = constants[-2:]
            try:
                __import__(code.co_names[argument], scope, None, members or (), level)
            except ImportError as error:
                failed.append(f"{code.co_names[argument]}: {error}")
        argument = 0
    return failed


def call(module, function):
    """The application's own warm-up."""
    target = __import__(module, None, None, ("",))
    for name in function.split("."):
        target = getattr(target, name)
    target()


def holder(item):
    """The module that keeps an object, however deep."""
    import gc

    seen = {id(item)}
    wave = [item]
    for _ in range(6):
        found = []
        for referrer in gc.get_referrers(*wave):
            if id(referrer) in seen or referrer is wave or referrer is found:
                continue
            seen.add(id(referrer))
            if isinstance(referrer, dict) and isinstance(referrer.get("__name__"), str) and "__spec__" in referrer:
                return referrer["__name__"]
            if type(referrer).__name__ not in ("frame", "list_iterator"):
                found.append(referrer)
        if not found:
            break
        wave = found[:500]
    return None


def describe(item):
    kind = type(item)
    module = holder(item)
    made = f", made by `import {module}`" if module and module != "_oxidize_snapshot" else ""
    return f"a {kind.__module__}.{kind.__qualname__}{made}"


def objects_of(kinds, objects):
    return [item for item in objects if type(item).__name__ in kinds]


def check(objects):
    """Finds what no other process can have."""
    problems = []
    now = descriptors()
    extra = {number: target for number, target in now.items() if number not in STATE["descriptors"]}
    named = set()
    for item in objects:
        kind = type(item)
        names = {base.__name__ for base in kind.__mro__}
        if names & {"FileIO", "socket", "epoll", "poll", "ScandirIterator"} or kind.__name__ in ("FileIO", "epoll"):
            try:
                number = item.fileno()
            except Exception:
                continue
            if number in extra and number not in named:
                named.add(number)
                problems.append(f"{describe(item)}, is open ({extra[number]})")
        elif kind.__module__ == "mmap" and kind.__name__ == "mmap":
            try:
                len(item)
            except ValueError:
                continue
            problems.append(f"{describe(item)}, maps memory")
        elif kind.__name__ == "Popen" and getattr(item, "returncode", 0) is None:
            problems.append(f"{describe(item)}, is a running process")
        elif kind.__module__ == "sqlite3" and kind.__name__ == "Connection":
            try:
                item.total_changes
            except Exception:
                continue
            problems.append(f"{describe(item)}, is connected to a database")
    for number, target in extra.items():
        # libffi maps a file without a name to write the code into, if it must not write to the program's own.
        if number not in named and target.endswith(" (deleted)") and "_ctypes" in sys.modules:
            problems.append("ctypes has made a Python function callable from C (CFUNCTYPE)")
        elif number not in named:
            problems.append(f"descriptor {number} is open ({target})")
    threading = sys.modules.get("threading")
    # An emulator has threads of its own.
    tasks = len(posix.listdir("/proc/self/task")) - STATE["tasks"]
    if tasks > 0:
        threads = [thread for thread in threading.enumerate() if thread is not threading.main_thread()] if threading else []
        for thread in threads:
            problems.append(f"{describe(thread)}, runs ({thread.name})")
        if tasks > len(threads):
            problems.append(f"{tasks - len(threads)} threads of C code run")
    try:
        posix.waitid(posix.P_ALL, 0, posix.WEXITED | posix.WNOHANG | posix.WNOWAIT)
        if not any("process" in problem for problem in problems):
            problems.append("a process that an import started has not ended")
    except ChildProcessError:
        pass
    if posix.getcwd() != STATE["directory"]:
        problems.append("an import has changed the current directory")
    if umask() != STATE["mask"]:
        problems.append("an import has changed the umask")
    if _signal.pthread_sigmask(_signal.SIG_BLOCK, ()):
        problems.append("an import has blocked signals")
    if _signal.getitimer(_signal.ITIMER_REAL)[0]:
        problems.append("an import has started a timer")
    if STATE["whole"]:
        problems.append(f"{STATE['whole']} reads all of the environment, so that every start would differ")
    return problems


def paths_in(namespace, keys):
    for key in list(keys):
        value = namespace[key]
        if type(value) is str:
            for index, place in enumerate(PLACE):
                if value == place:
                    PATHS.append((namespace, key, index, ""))
                    break
                if index == 2 and value.startswith(place + "/"):
                    PATHS.append((namespace, key, index, value[len(place) :]))
                    break


def finish(read):
    """After the last import: answers what stands against a snapshot. `read`: variables that C code has read."""
    import gc

    sys.meta_path.remove(Watch)
    stop_asking()
    if any(now is not then for now, then in zip((sys.argv, sys.orig_argv), STATE["lists"])):
        FACTS.setdefault("arguments", "an import that sets sys.argv")
    random = sys.modules.get("random")
    if random:
        random.Random.seed = random.Random.seed.original
    for _ in range(2):
        gc.collect()
    objects = gc.get_objects()
    problems = check(objects)
    problems += [f"no import needs the module `{name}`, which is to be reloaded" for name in RELOADED if name not in sys.modules]
    if problems:
        return problems
    for name in read:
        if name not in CHANGED:
            VARIABLES.setdefault(name, STATE["before"].get(name))
    replace_environment(dict(posix.environ))
    for module in list(sys.modules.values()):
        namespace = getattr(module, "__dict__", None)
        if type(namespace) is dict:
            paths_in(namespace, namespace)
    paths_in(sys.path, range(len(sys.path)))
    CONTEXTS.extend(item for item in objects if "_SSLContext" in [base.__name__ for base in type(item).__mro__])
    for number in sorted(_signal.valid_signals()):
        handler = _signal.getsignal(number)
        if handler not in (_signal.SIG_DFL, None):
            HANDLERS.append((number, handler))
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
    forget()
    STATE.clear()
    objects.clear()
    gc.collect()
    gc.collect()
    return []


def forget():
    """Leaves out what each process has of its own, so that two snapshots of one application are the same bytes."""
    module = sys.modules.get("random")
    for generator in SEEDED + ([module._inst] if module else []):
        generator.seed(0)
    for name, names in (
        ("logging", {"_startTime": 0}),
        ("platform", {"_uname_cache": None}),
        ("sysconfig", {"_CONFIG_VARS": None, "_CONFIG_VARS_INITIALIZED": False}),
        ("uuid", {"_node": None, "_last_timestamp": None}),
    ):
        if name in sys.modules:
            vars(sys.modules[name]).update(names)
    module = sys.modules.get("platform")
    if module:
        module._platform_cache.clear()
    module = sys.modules.get("multiprocessing.process")
    if module:
        module.current_process().authkey = bytes(32)
    module = sys.modules.get("multiprocessing.heap")
    if module:
        # It begins anew where it finds another number.
        module.BufferWrapper._heap._lastpid = 0
    of_this_process(0)
    wake(0)


def of_this_process(number):
    """Notes the number of the process where modules have done so."""
    module = sys.modules.get("multiprocessing.util")
    if module:
        for finalizer in module._finalizer_registry.values():
            finalizer._pid = number


def wake(ident):
    """In a new process, before what modules do after a fork: the main thread is another."""
    module = sys.modules.get("threading")
    if module:
        thread = module._main_thread
        thread._ident = ident
        thread._native_id = 0
        module._active.clear()
        module._active[ident] = thread


def modules():
    """What was imported."""
    return sorted(name for name in sys.modules if name != "__main__")


def variables():
    """What a start compares: (name, value or None, the code that read it)."""
    return [(name, VARIABLES[name], READERS.get(name, "C code")) for name in sorted(VARIABLES)]


def facts():
    """What else a start compares: (fact, the code that asked)."""
    return sorted(FACTS.items())


def users():
    """Whether a start depends on the list of users."""
    return bool(USERS)


def contexts():
    return CONTEXTS


def resume(environment, argv, orig_argv, place, closed, ignored, errors):
    """In a new process, as the main thread, after what a fork does."""
    sys_modules = sys.modules
    for key, value in CHANGED.items():
        if value is None:
            environment.pop(key, None)
            posix.unsetenv(key)
        else:
            environment[key] = value
            posix.putenv(key, value)
    live = posix.environ
    live.clear()
    live.update(environment)
    sys.argv[:] = argv
    sys.orig_argv[:] = orig_argv
    sys.executable = sys._base_executable = place[0]
    for namespace, key, index, rest in PATHS:
        namespace[key] = place[index] + rest
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        kept = "__" + name + "__"
        stream = getattr(sys, kept)
        if stream is None:
            continue
        if closed & 1 << number:
            if getattr(sys, name) is stream:
                setattr(sys, name, None)
            setattr(sys, kept, None)
            continue
        # The objects of the text and of the buffer stay, the one of the descriptor is new: it remembers whether the
        # descriptor can seek.
        buffer = stream.buffer
        buffered = hasattr(buffer, "raw")
        old = buffer.raw if buffered else buffer
        encoding, policy = stream.encoding, stream.errors
        line, through = stream.line_buffering, stream.write_through
        raw = type(old)(number, "wb" if number else "rb", closefd=False)
        terminal = raw.isatty()
        raw.name = old.name
        if buffered:
            buffer.__init__(raw, raw._blksize)
            line = terminal or number == 2
        else:
            buffer = raw
        if number != 2 and errors:
            policy = errors
        stream.__init__(buffer, encoding, policy, "\n", line, through)
        stream.mode = "w" if number else "r"
    time = sys_modules.get("time")
    if time:
        time.tzset()
    known = set()
    for number, handler in HANDLERS:
        known.add(number)
        if number in ignored and handler is _signal.default_int_handler:
            handler = _signal.SIG_IGN
        _signal.signal(number, handler)
    for number in ignored:
        if number not in known:
            try:
                _signal.signal(number, _signal.SIG_IGN)
            except (OSError, ValueError):
                pass  # The C library's own signals.
    for generator in SEEDED:
        generator.seed()
    module = sys_modules.get("multiprocessing.process")
    if module:
        process = module.current_process()
        process.authkey = posix.urandom(32)
        try:
            module.ORIGINAL_DIR = posix.getcwd()
        except OSError:
            module.ORIGINAL_DIR = None
    module = sys_modules.get("multiprocessing.spawn")
    if module:
        module.set_executable(place[0])
    module = sys_modules.get("logging")
    if module and time:
        module._startTime = time.time_ns()
    of_this_process(posix.getpid())
    module = sys_modules.get("wsgiref.handlers")
    if module:
        module.BaseHandler.os_environ = module.read_environ()
    module = sys_modules.get("ctypes.macholib.dyld")
    if module:
        home = module.os.path.expanduser
        module.DEFAULT_FRAMEWORK_FALLBACK[0] = home("~/Library/Frameworks")
        module.DEFAULT_LIBRARY_FALLBACK[0] = home("~/lib")
    module = sys_modules.get("pydoc")
    if module and b"PYTHONDOCS" in environment:
        module.Doc.PYTHONDOCS = module.os.environ["PYTHONDOCS"]
    module = sys_modules.get("subprocess")
    if module and b"_PYTHON_SUBPROCESS_USE_POSIX_SPAWN" in environment:
        module._USE_POSIX_SPAWN = module._use_posix_spawn()
    module = sys_modules.get("zoneinfo._tzpath")
    if module and b"PYTHONTZPATH" in environment:
        module.reset_tzpath()
    module = sys_modules.get("faulthandler")
    if module and module.is_enabled():
        module.disable()
        module.enable()
    for name in RELOADED:
        module = sys_modules.get(name)
        if module:
            module.__spec__.loader.exec_module(module)
