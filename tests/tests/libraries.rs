//! Shared libraries that need each other, compiled here and loaded from memory.

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
    std::fs::write(place.join("__main__.py"), "import ext\nprint(ext.f())\n")?;
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
