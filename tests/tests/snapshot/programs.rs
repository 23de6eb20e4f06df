//! The programs: a name and the source of the module `app` each.

/// Those of [`SAME`] that run for aarch64, too, emulated: where processor, system or the libraries'
/// code for it have a part.
pub(crate) const ON_ARM: &[&str] = &[
    "arguments",
    "streams",
    "signals",
    "threads",
    "fork",
    "child_interpreter",
    "asyncio",
    "multiprocessing",
    "sqlite",
    "tls",
    "ctypes",
    "hashes_and_archives",
];

/// Programs that must do the same from a snapshot and without: name, module `app`, arguments.
pub(crate) const SAME: &[(&str, &str)] = &[
    (
        "arguments",
        "import sys\ndef main(): print(sys.argv, sys.orig_argv, sys.executable)",
    ),
    (
        "environment",
        "import os\ndef main(): print(sorted(os.environ), os.environb[b'GIVEN'], os.getenv('HOME'))",
    ),
    (
        "environment_set_by_import",
        "import os\nos.environ['MADE'] = 'x'\ndef main():\n    import subprocess\n    print(os.environ['MADE'], 'GIVEN' in os.environ, subprocess.run(['env'], capture_output=True, text=True).stdout.count('MADE=x'))",
    ),
    (
        "streams",
        "import sys\ndef main():\n    for s in (sys.stdin, sys.stdout, sys.stderr): print(s, s.encoding, s.errors, s.line_buffering, s.isatty(), s.seekable(), s.buffer, s.buffer.raw)\n    print(sys.stdin.read())",
    ),
    (
        "streams_kept",
        "import sys\nout = sys.stdout\ndef main():\n    print(out is sys.stdout, out is sys.__stdout__)\n    out.write('kept\\n')",
    ),
    (
        "time_zone",
        "import time, datetime\ndef main(): print(time.tzname, datetime.datetime.fromtimestamp(0))",
    ),
    (
        "locale",
        "import locale, sys\ndef main(): print(locale.setlocale(locale.LC_CTYPE), sys.getfilesystemencoding(), sys.stdout.errors)",
    ),
    (
        "signals",
        "import signal, os\nhits = []\nsignal.signal(signal.SIGUSR1, lambda *a: hits.append(a[0]))\ndef main():\n    os.kill(os.getpid(), signal.SIGUSR1)\n    print(hits, {s.name: str(signal.getsignal(s)) for s in signal.valid_signals() if isinstance(s, signal.Signals) and s != signal.SIGUSR1})",
    ),
    (
        "threads",
        "import threading, concurrent.futures as f\ndef main():\n    with f.ThreadPoolExecutor(4) as e: print(sum(e.map(lambda x: x * x, range(100))))\n    print(threading.current_thread() is threading.main_thread(), threading.get_ident() == threading.main_thread().ident, threading.active_count())",
    ),
    (
        "main_thread_kept",
        "import threading\nmain_thread = threading.main_thread()\ndef main(): print(main_thread is threading.main_thread() is threading.current_thread(), main_thread.ident == threading.get_ident(), main_thread.native_id == threading.get_native_id(), threading.enumerate() == [main_thread])",
    ),
    (
        "multiprocessing_finalizer",
        "from multiprocessing import util, heap\nutil.Finalize(None, print, ('finalized',), exitpriority=1)\ndef main(): print(heap.BufferWrapper(8).create_memoryview().nbytes)",
    ),
    (
        "fork",
        "import os\ndef main():\n    child = os.fork()\n    if not child: os._exit(7)\n    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
    ),
    (
        "child_interpreter",
        "import subprocess, sys\ndef main(): print(subprocess.run([sys.executable, '-c', 'import app, json; print(json.dumps([1]), app.__name__)'], capture_output=True, text=True))",
    ),
    (
        "asyncio",
        "import asyncio\nasync def work():\n    p = await asyncio.create_subprocess_exec('echo', 'sub', stdout=asyncio.subprocess.PIPE)\n    return await asyncio.gather(*(asyncio.sleep(0.001, i) for i in range(5))), await p.communicate(), await asyncio.to_thread(lambda: 7)\ndef main(): print(asyncio.run(work()))",
    ),
    (
        "multiprocessing",
        "import multiprocessing as m\ndef main():\n    for how in ('fork', 'spawn', 'forkserver'):\n        with m.get_context(how).Pool(2) as pool: print(how, pool.map(abs, [-1, -2]))",
    ),
    (
        "sqlite",
        "import sqlite3\ndef main():\n    db = sqlite3.connect(':memory:'); db.execute('create table t(a)'); db.executemany('insert into t values(?)', [(i,) for i in range(1000)]); print(db.execute('select sum(a) from t').fetchone())",
    ),
    (
        "tls",
        "import ssl\ncontext = ssl.create_default_context(); server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\ndef main():\n    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()\n    client = context.wrap_bio(a, b, server_hostname='x')\n    try: client.do_handshake()\n    except ssl.SSLWantReadError: print('hello', len(b.read()) > 100, server.session_stats()['accept'])",
    ),
    (
        "ctypes",
        "import ctypes\ndef main():\n    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)\n    print(call(lambda x: x + 1)(41))",
    ),
    (
        "logging",
        "import logging\nlog = logging.getLogger('a')\ndef main():\n    logging.basicConfig(level='INFO', format='%(name)s %(message)s'); log.info('said')",
    ),
    (
        "exit_functions",
        "import atexit\natexit.register(print, 'registered by an import')\ndef main(): atexit.register(print, 'later')",
    ),
    (
        "unclosed_file",
        "import atexit, os\ndef main():\n    global f\n    f = open('f.txt', 'w'); f.write('x' * 10)\n    atexit.register(lambda: print('left', os.path.getsize('f.txt')))",
    ),
    (
        "finalizer_made_later",
        "class A:\n    def __del__(self): print('ended')\nkeep = []\ndef main(): keep.append(A())",
    ),
    (
        "finalizer_frozen_later",
        "import gc, sys\nclass A:\n    def __del__(self): print('ended')\ndef main(): sys.keep = [A()]; gc.freeze()",
    ),
    (
        "finalizer_after_unfreezing",
        "import gc\nclass A:\n    def __del__(self): print('ended')\nkeep = []\ndef main(): gc.unfreeze(); gc.collect(); keep.append(A()); gc.collect()",
    ),
    (
        "generator_begun_by_import",
        "def work():\n    try: yield\n    finally: print('ended')\ng = work()\ndef main(): next(g)",
    ),
    (
        "output_wrapped_again",
        "import io, sys\nold = sys.stdout\ndef main():\n    sys.stdout = io.TextIOWrapper(old.buffer, write_through=False)\n    old.write('old '); print('new')",
    ),
    (
        "weak_reference_of_import",
        "import weakref\nclass A: pass\na = A(); weakref.finalize(a, print, 'finalized')\ndef main(): pass",
    ),
    ("uncaught", "def main(): raise ValueError('boom')"),
    ("status", "import sys\ndef main(): return 5"),
    (
        "recursion",
        "def deep(n): return 0 if n == 0 else 1 + deep(n - 1)\ndef main():\n    try: deep(10**6)\n    except RecursionError as e: print(e)",
    ),
    (
        "collector",
        "import gc\nclass A: pass\ndef main():\n    import weakref\n    a = A(); a.a = a; r = weakref.ref(a); del a; gc.collect(); print(r(), gc.isenabled(), gc.get_threshold())",
    ),
    (
        "resources",
        "import importlib.resources, os\ndef main(): print(importlib.resources.files('app').joinpath('data.txt').read_text(), open(os.path.join(os.path.dirname(__file__), 'data.txt')).read())",
    ),
    (
        "seeded_random",
        "import random\nr = random.Random(5)\ndef main(): print(r.random())",
    ),
    (
        "hashes_and_archives",
        "import hashlib, zlib, lzma, bz2\ndef main(): print({n: hashlib.new(n, b'x').hexdigest()[:8] for n in ('md5', 'sha1', 'sha256', 'blake2b', 'sha3_256')}, lzma.decompress(lzma.compress(b'q' * 99)) == bz2.decompress(bz2.compress(b'q' * 99)))",
    ),
];

/// What an import may not leave behind, and what the error says.
pub(crate) const UNFIT: &[(&str, &str, &str)] = &[
    (
        "file",
        "f = open('/etc/passwd')",
        "_io.FileIO, made by `import app`, is open (/etc/passwd)",
    ),
    (
        "socket",
        "import socket\ns = socket.socket()",
        "socket.socket, made by `import app`, is open",
    ),
    ("pipe", "import os\np = os.pipe()", "is open (pipe:"),
    (
        "thread",
        "import threading, time\nt = threading.Thread(target=time.sleep, args=(9,), daemon=True)\nt.start()",
        "threading.Thread, made by `import app`, runs",
    ),
    (
        "process",
        "import subprocess\np = subprocess.Popen(['/bin/sleep', '1'])",
        "subprocess.Popen, made by `import app`, is a running process",
    ),
    (
        "mapping",
        "import mmap\nm = mmap.mmap(-1, 4096)",
        "mmap.mmap, made by `import app`, maps memory",
    ),
    (
        "database",
        "import sqlite3\nd = sqlite3.connect(':memory:')",
        "sqlite3.Connection, made by `import app`, is connected",
    ),
    (
        "event_loop",
        "import asyncio\nl = asyncio.new_event_loop()",
        "is open (anon_inode:[eventpoll])",
    ),
    (
        "callback",
        "import ctypes\nc = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)",
        "callable from C",
    ),
    (
        "interpreter",
        "import _interpreters\ni = _interpreters.create()",
        "a second interpreter",
    ),
    (
        "directory",
        "import os\nos.chdir('/tmp')",
        "changed the current directory",
    ),
    ("umask", "import os\nos.umask(0o77)", "changed the umask"),
    (
        "timer",
        "import signal\nsignal.alarm(99)",
        "started a timer",
    ),
    (
        "whole_environment",
        "import os\ne = dict(os.environ)",
        "app/__init__.py:2 reads all of the environment",
    ),
    (
        "failing",
        "raise ValueError('not now')",
        "ValueError: not now",
    ),
];
