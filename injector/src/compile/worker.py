"""Compiles Python sources for the program that started this process.

Requests arrive on standard input and replies leave on standard output, each as a frame: four bytes of length (little
endian), a line of JSON, and bytes. A request's line is {"path": co_filename, "levels": [0, 1, 2]}, its bytes are the
source. The reply's line is {"sizes": [...]} and its bytes are the marshalled code objects, one per level; or it is
{"error": {"kind": ..., "message": ..., "line": ...}}. A request without a path asks for the interpreter's identity.
"""

import json
import marshal
import sys
import warnings


def read_frame(stream):
    prefix = stream.read(4)
    if len(prefix) < 4:
        return None
    return stream.read(int.from_bytes(prefix, "little"))


def write_frame(stream, header, payload=b""):
    line = json.dumps(header).encode() + b"\n"
    stream.write((len(line) + len(payload)).to_bytes(4, "little"))
    stream.write(line)
    stream.write(payload)
    stream.flush()


def identity():
    import importlib.util

    magic = int.from_bytes(importlib.util.MAGIC_NUMBER, "little")
    return {"magic": magic, "version": sys.hexversion}


def compile_levels(path, source, levels):
    for level in levels:
        code = compile(source, path, "exec", dont_inherit=True, optimize=level)
        yield marshal.dumps(code)


def answer(request, source):
    if "path" not in request:
        return identity(), b""
    try:
        codes = list(compile_levels(request["path"], source, request["levels"]))
    except SyntaxError as error:
        return failure(error, error.msg, error.lineno), b""
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        return failure(error, str(error), None), b""
    return {"sizes": [len(code) for code in codes]}, b"".join(codes)


def failure(error, message, line):
    return {"error": {"kind": type(error).__name__, "message": message, "line": line}}


def main():
    # What the compiler thinks of an application's style is for its authors, at their own runs.
    warnings.simplefilter("ignore")
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while (frame := read_frame(requests)) is not None:
        line, _, source = frame.partition(b"\n")
        write_frame(replies, *answer(json.loads(line), source))


main()
