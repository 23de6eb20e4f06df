//! Shared libraries that need each other, compiled here and loaded from memory: by extension
//! modules and by `dlopen`.

use std::path::Path;
use std::process::Command;

use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::{Result, fail, plain, tools, trial};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("a_cycle_of_two_libraries", || {
            two(["liba.so.1", "libb.so.1"])
        }),
        trial("libraries_without_a_name_of_their_own", || two(["", ""])),
        trial("a_cycle_through_the_module_itself", through_the_module),
        trial("a_library_that_relies_on_its_neighbour", neighbour),
        trial("libraries_are_opened_by_their_paths", opened_by_path),
        trial("a_library_opens_one_beside_it", opened_by_a_library),
        trial("what_cannot_be_opened", not_opened),
        trial("static_programs_open_nothing", static_program),
    ])
}

const A: &str = "int b(void); extern int b_data; int a_data = 5; int *at_b = &b_data;
int a(int n) { return n > 0 ? n + b() + *at_b : 1; }";
const B: &str = "int a(int); extern int a_data; int b_data = 7; int *at_a = &a_data;
int b(void) { return a(0) + *at_a; }";

/// An extension module `ext` whose `f()` is an expression in C.
fn module(declarations: &str, expression: &str) -> String {
    format!(
        "#include <Python.h>
{declarations}
static PyObject *f(PyObject *self, PyObject *none) {{ return PyLong_FromLong({expression}); }}
static PyMethodDef methods[] = {{{{\"f\", f, METH_NOARGS, 0}}, {{0}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, \"ext\", 0, -1, methods}};
PyMODINIT_FUNC PyInit_ext(void) {{ return PyModule_Create(&module); }}"
    )
}

const EXTENSION: &str = "ext.cpython-313-x86_64-linux-gnu.so";

/// Compiles `code` to the shared object `name`, which needs `libraries` of the same directory.
/// All symbols are bound when it is loaded.
fn compile(place: &Path, name: &str, soname: &str, code: &str, libraries: &[&str]) -> Result {
    let source = tools::scratch()?;
    let source = source.path().join("code.c");
    std::fs::write(&source, code)?;
    let mut cc = Command::new(tools::host_tool("cc")?);
    cc.args(["-shared", "-fPIC", "-Wl,-z,now,--no-as-needed", "-o"])
        .arg(place.join(name))
        .arg(source)
        .arg("-I")
        .arg(plain::headers()?)
        .arg("-L")
        .arg(place)
        .arg(format!(
            "-Wl,--allow-shlib-undefined,-rpath-link,{}",
            place.display()
        ));
    if !soname.is_empty() {
        cc.arg(format!("-Wl,-soname,{soname}"));
    }
    let done = cc
        .args(libraries.iter().map(|library| format!("-l:{library}")))
        .output()?;
    if done.status.success() {
        return Ok(());
    }
    fail(String::from_utf8_lossy(&done.stderr).into_owned())
}

/// What `ext.f()` gives in a program packaged from `place`.
fn prints(place: &Path, expected: &str) -> Result {
    runs(place, "import ext\nprint(ext.f())\n", expected)
}

/// What a program packaged from `place` prints.
fn runs(place: &Path, program: &str, expected: &str) -> Result {
    std::fs::write(place.join("__main__.py"), program)?;
    let app = Package::new(place).build()?;
    Run::new(app.path()).outcome()?.prints(expected).map(drop)
}

fn two(sonames: [&str; 2]) -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    compile(place, "libb.so.1", sonames[1], B, &[])?;
    compile(place, "liba.so.1", sonames[0], A, &["libb.so.1"])?;
    compile(place, "libb.so.1", sonames[1], B, &["liba.so.1"])?;
    let code = module("int a(int);", "a(41)");
    compile(place, EXTENSION, "", &code, &["liba.so.1"])?;
    prints(place, "54\n")
}

fn through_the_module() -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    let back = "extern int in_module; int *at = &in_module; int a(void) { return *at; }";
    let code = module("int a(void); int in_module = 6;", "a() * 7");
    compile(place, "liba.so.1", "liba.so.1", back, &[])?;
    compile(place, EXTENSION, "", &code, &["liba.so.1"])?;
    compile(place, "liba.so.1", "liba.so.1", back, &[EXTENSION])?;
    prints(place, "42\n")
}

/// It uses what only the module's other library defines, and does not say so.
fn neighbour() -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    let code = module("int a(void);", "a()");
    compile(
        place,
        "liba.so.1",
        "liba.so.1",
        "int b(void); int a(void) { return b(); }",
        &[],
    )?;
    compile(
        place,
        "libb.so.1",
        "libb.so.1",
        "int b(void) { return 9; }",
        &[],
    )?;
    compile(place, EXTENSION, "", &code, &["liba.so.1", "libb.so.1"])?;
    prints(place, "9\n")
}

/// `ctypes.CDLL` of a virtual path: its bundled libraries come along, the dynamic linker knows it
/// by that path, and it is loaded once, whoever asks: an extension module, threads, a child.
fn opened_by_path() -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    std::fs::create_dir_all(place.join("tools/libs"))?;
    std::fs::write(place.join("tools/__init__.py"), "")?;
    let libs = place.join("tools/libs");
    compile(&libs, "libb.so.1", "libb.so.1", B, &[])?;
    compile(&libs, "liba.so.1", "liba.so.1", A, &["libb.so.1"])?;
    compile(&libs, "libb.so.1", "libb.so.1", B, &["liba.so.1"])?;
    compile(
        &libs,
        EXTENSION,
        "",
        &module("extern int a_data;", "a_data"),
        &["liba.so.1"],
    )?;
    std::fs::rename(libs.join(EXTENSION), place.join(EXTENSION))?;
    runs(place, OPENED_BY_PATH, "ok\n")
}

const OPENED_BY_PATH: &str = r#"
import ctypes, os, subprocess, sys, threading, tools

path = os.path.join(os.path.dirname(tools.__file__), "libs", "liba.so.1")
assert os.access(path, os.R_OK)
RTLD_NOLOAD = 4
try:
    ctypes.CDLL(path, mode=RTLD_NOLOAD)
except OSError:
    pass
else:
    raise AssertionError("loaded already")
libraries = []
threads = [threading.Thread(target=lambda: libraries.append(ctypes.CDLL(path))) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
handles = {library._handle for library in libraries}
assert len(handles) == 1, handles
library = libraries[0]
assert library.a(41) == 54
data = ctypes.c_int.in_dll(library, "a_data")
for again in (path, path.replace("/libs/", "//libs/../libs/./")):
    assert ctypes.CDLL(again)._handle == library._handle
assert ctypes.CDLL(path, mode=RTLD_NOLOAD)._handle == library._handle
assert ctypes.CDLL("liba.so.1")._handle == library._handle, "by its name, which is loaded"
data.value = 6
import ext
assert ext.f() == 6, "the module has the same library"

class Info(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("symbol", ctypes.c_char_p), ("at", ctypes.c_void_p)]

def where(address):
    info = Info()
    assert ctypes.pythonapi.dladdr(ctypes.c_void_p(address), ctypes.byref(info))
    return info.file.decode()

assert where(ctypes.addressof(data)) == path
beside = ctypes.CDLL(path.replace("liba", "libb"))
assert where(ctypes.cast(beside.b, ctypes.c_void_p).value) == path.replace("liba", "libb")
import _ctypes
extension = ctypes.CDLL(ext.__file__)
assert where(ctypes.cast(extension.PyInit_ext, ctypes.c_void_p).value) == ext.__file__
_ctypes.dlclose(extension._handle)
assert _ctypes.dlopen(path, ctypes.DEFAULT_MODE) == library._handle
for _ in range(5):
    _ctypes.dlclose(library._handle)
assert library.a(0) == 1, "it stays"
child = os.fork()
if child == 0:
    os._exit(ctypes.CDLL(path).a(0))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
code = f"import ctypes; print(ctypes.CDLL({path!r}).a(41))"
assert subprocess.check_output([sys.executable, "-c", code]) == b"54\n"
print("ok")
"#;

/// A library's own `dlopen` of a bare name means the one in its directory or one that is bundled,
/// as its `RUNPATH` says on disk; of a path, that path.
fn opened_by_a_library() -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    let opener = "#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
static char text[4096];
void *load(const char *name) { return dlopen(name, RTLD_NOW); }
const char *error(void) { const char *said = dlerror(); return said ? strncpy(text, said, 4095) : \"\"; }
const char *own_path(void) { Dl_info info; dladdr((void *)load, &info); return info.dli_fname; }";
    for directory in ["here", "there"] {
        std::fs::create_dir_all(place.join(directory))?;
    }
    compile(&place.join("here"), "opener.so", "", opener, &[])?;
    compile(
        &place.join("here"),
        "plugin.so",
        "",
        "int answer(void) { return 1; }",
        &[],
    )?;
    compile(
        &place.join("there"),
        "libother.so.2",
        "libother.so.2",
        "int answer(void) { return 2; }",
        &[],
    )?;
    runs(place, OPENED_BY_A_LIBRARY, "ok\n")
}

const OPENED_BY_A_LIBRARY: &str = r#"
import ctypes, os

here = os.path.join(os.path.dirname(__file__), "here")
opener = ctypes.CDLL(f"{here}/opener.so")
opener.load.restype = ctypes.c_void_p
opener.error.restype = opener.own_path.restype = ctypes.c_char_p
assert opener.own_path().decode() == f"{here}/opener.so"

def answer(name):
    handle = opener.load(name.encode())
    assert handle, opener.error()
    return ctypes.CDLL(name, handle=handle).answer()

try:
    ctypes.CDLL("plugin.so")
except OSError as error:
    assert str(error) == "plugin.so: cannot open shared object file: No such file or directory", error
else:
    raise AssertionError("Python does not look beside the program")
assert answer("plugin.so") == 1
assert answer("libother.so.2") == 2
assert answer(f"{here}/../there/libother.so.2") == 2
assert opener.load(b"libm.so.6"), opener.error()
assert not opener.load(b"libnowhere.so.9")
assert opener.error() == b"libnowhere.so.9: cannot open shared object file: No such file or directory"
assert opener.error() == b""
print("ok")
"#;

/// Errors name the virtual path and nothing of how it is done.
fn not_opened() -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    compile(
        place,
        "incomplete.so",
        "",
        "int missing_function(void); int f(void) { return missing_function(); }",
        &[],
    )?;
    compile(
        place,
        EXTENSION,
        "",
        &module("int missing_function(void);", "missing_function()"),
        &[],
    )?;
    std::fs::write(place.join("text.so"), "no library")?;
    runs(place, NOT_OPENED, "ok\n")
}

const NOT_OPENED: &str = r#"
import ctypes, os

here = os.path.dirname(__file__)

def says(path, text):
    for _ in range(2):
        try:
            ctypes.CDLL(path)
        except OSError as error:
            assert str(error) == text, error
        else:
            raise AssertionError(path)

says(f"{here}/absent.so", f"{here}/absent.so: cannot open shared object file: No such file or directory")
says(f"{here}/text.so", f"{here}/text.so: file too short")
says(here, f"{here}: cannot read file data: Is a directory")
says(f"{here}/incomplete.so", f"{here}/incomplete.so: undefined symbol: missing_function")
says("/nowhere/absent.so", "/nowhere/absent.so: cannot open shared object file: No such file or directory")
try:
    import ext
except ImportError as error:
    assert error.msg == f"{error.path}: undefined symbol: missing_function", error
    assert error.path.startswith(here), error.path
    assert error.name == "ext"
else:
    raise AssertionError("a module without its library")
print("ok")
"#;

fn static_program() -> Result {
    let place = tools::scratch()?;
    let place = place.path();
    std::fs::create_dir_all(place.join("tools"))?;
    compile(&place.join("tools"), "liba.so", "", "int a;", &[])?;
    std::fs::write(place.join("tools/__init__.py"), "")?;
    std::fs::write(
        place.join("__main__.py"),
        "import ctypes, os, tools
try:
    ctypes.CDLL(os.path.dirname(tools.__file__) + '/liba.so')
except OSError as error:
    print(error)
",
    )?;
    let app = Package::new(place).target(tools::MUSL).build()?;
    let expected = "/~oxidize/app/tools/liba.so: \
                    this program is linked statically and cannot load shared libraries\n";
    Run::new(app.path()).outcome()?.prints(expected).map(drop)
}
