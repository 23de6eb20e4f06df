//! Cases: from nothing to the end of a short program.

use std::ffi::OsString;
use std::path::Path;

use crate::environment::Environment;
use crate::measure::{Program, Sample, alternate};

/// One row of the table: the same program in several forms. The second is the baseline.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Why the case is there.
    pub(crate) purpose: &'static str,
    pub(crate) programs: Vec<Program>,
}

impl Case {
    pub(crate) fn measure(&self, rounds: usize) -> Result<Vec<Sample>, String> {
        alternate(&self.programs, rounds)
    }
}

/// All cases.
pub(crate) fn cases(environment: &Environment) -> Result<Vec<Case>, String> {
    Ok(vec![
        Case {
            name: "hello",
            purpose: "What every start costs.",
            programs: forms(
                environment,
                &environment.repository.join("examples/hello"),
                "Hello",
            )?,
        },
        Case {
            name: "import all",
            purpose: "Imports every module of the standard library that imports silently: what a large program's \
                      start costs, exit included.",
            programs: forms(
                environment,
                &environment.repository.join("benches/apps/import_all"),
                "imported",
            )?,
        },
    ])
}

fn forms(
    environment: &Environment,
    application: &Path,
    output: &str,
) -> Result<Vec<Program>, String> {
    let packaged = environment.package(application)?;
    let main = application.join("__main__.py").into_os_string();
    let program = |name: &str, command: Vec<OsString>| Program {
        name: name.to_owned(),
        command,
        output: Some(output.to_owned()),
    };
    let plain = environment.plain_python.clone().into_os_string();
    let flags = ["-I", "-S", "-W", "ignore"].map(OsString::from);
    let interpreter = |python: OsString, flags: &[OsString]| {
        let mut command = vec![python];
        command.extend_from_slice(flags);
        command.push(main.clone());
        command
    };
    let mut forms = vec![
        program("packaged", vec![packaged.into_os_string()]),
        program("plain -I -S", interpreter(plain.clone(), &flags)),
        program("plain -I", interpreter(plain, &flags[..1])),
    ];
    if let Some(stock) = &environment.stock_python {
        let name = format!("stock {} -I", stock.version);
        forms.push(program(
            &name,
            interpreter(stock.path.clone().into_os_string(), &flags[..1]),
        ));
    }
    Ok(forms)
}
