"""Compiles Python sources for the program that started this process.

Requests arrive on standard input and replies leave on standard output, each as a frame: four bytes of length (little
endian), a line of JSON, and bytes. A request's line is {"path": co_filename, "levels": [0, 1, 2]}, its bytes are the
source. The reply's line is {"sizes": [...]} and its bytes are the marshalled code objects, one per level; or it is
{"error": {"kind": ..., "message": ..., "line": ...}}. A request {"scan": path} asks what the source imports; its reply
is {"mentions": {"imports": [[level, name], ...], "below": [name, ...], "strings": [name, ...]}}. A request with neither
asks for the interpreter's identity.

With the argument `pip` it runs pip instead (`require/pip.py`).
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


# Functions that import the module whose name they are given.
IMPORTERS = {"import_module", "__import__", "resolve_name", "run_module", "find_spec"}


def mentions(source):
    import ast

    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        # What cannot be compiled imports nothing.
        return {"imports": [], "below": [], "strings": []}
    imports, below, words, dotted, computed = set(), set(), set(), set(), False
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                imports.update((0, alias.name) for alias in names)
            case ast.ImportFrom(module, names, level):
                base = module or ""
                imports.add((level, base))
                tails = (alias.name for alias in names if alias.name != "*")
                imports.update((level, f"{base}.{tail}".strip(".")) for tail in tails)
            case ast.Call(ast.Name(function) | ast.Attribute(attr=function), arguments, keywords) if (
                function in IMPORTERS
            ):
                named = [word.value for word in keywords if word.arg in ("name", "mod_name")]
                match (arguments + named)[:1]:
                    case [ast.Constant(str(name))]:
                        # `import_module` counts dots as an import statement does.
                        tail = name.lstrip(".")
                        imports.add((len(name) - len(tail), tail.partition(":")[0]))
                        if function == "run_module":
                            imports.add((0, f"{name}.__main__"))
                    case [argument] if "." in (start := leading_text(argument)):
                        below.add(start.rpartition(".")[0])
                    case _:
                        computed = True
            case ast.Call(args=arguments):  # `create_subprocess_exec`, `os.execl`.
                imports.update(run_by_option(arguments))
            case ast.List(elements) | ast.Tuple(elements):
                imports.update(run_by_option(elements))
            case ast.Constant(str(text)):
                # `module:attribute` names objects in entry points and for `resolve_name`.
                text = text.replace(":", ".", 1)
                parts = text.split(".")
                if all(part.isidentifier() for part in parts):
                    (dotted if len(parts) > 1 else words).add(text)
    # A name with dots that is a module's is hardly anything else. A single word can be, unless names are computed here.
    strings = dotted | words if computed else dotted
    return {"imports": sorted(imports), "below": sorted(below), "strings": sorted(strings)}


def run_by_option(arguments):
    """The modules after `-m` in a list of arguments, such as `[sys.executable, "-m", "zipfile"]`."""
    import ast

    for option, module in zip(arguments, arguments[1:]):
        match option, module:
            case ast.Constant("-m"), ast.Constant(str(name)):
                yield 0, name
                yield 0, f"{name}.__main__"


def leading_text(expression):
    """The text that a computed string begins with."""
    import ast

    match expression:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr([first, *_]):
            return leading_text(first)
        case ast.BinOp(left, ast.Add()):
            return leading_text(left)
        case ast.BinOp(ast.Constant(str(text)), ast.Mod()):
            return text.partition("%")[0]
        case ast.Call(ast.Attribute(ast.Constant(str(text)), "format")):
            return text.partition("{")[0]
    return ""


def answer(request, source):
    if "scan" in request:
        return {"mentions": mentions(source)}, b""
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
    if sys.argv[1:] == ["pip"]:
        import _oxidize_pip

        return _oxidize_pip.main()
    # What the compiler thinks of an application's style is for its authors, at their own runs.
    warnings.simplefilter("ignore")
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while (frame := read_frame(requests)) is not None:
        line, _, source = frame.partition(b"\n")
        write_frame(replies, *answer(json.loads(line), source))


main()
