//! Virtual files against real ones: open, read, close.

use std::fs;
use std::process::Command;

use crate::environment::Environment;

/// Files that are read, one after another.
const FILES: usize = 300;
/// Size of each.
pub(crate) const SIZE: usize = 64 << 10;

/// Microseconds for one file.
pub(crate) struct Reading {
    pub(crate) name: String,
    pub(crate) virtual_file: f64,
    pub(crate) real_file: f64,
}

/// Reads each file once, and one file again and again, virtual and real in turns; medians. All real
/// files are in the page cache.
const PROGRAM: &str = "import os, sys, time
here, real = os.path.dirname(__file__), sys.argv[1]
count, rounds = int(sys.argv[2]), int(sys.argv[3])
names = [f'{index}.bin' for index in range(count)]
for name, order in (('each once', names), ('one again', names[:1] * count)):
    times = {f'{here}/data': [], real: []}
    for turn in range(rounds + 1):
        for place, taken in times.items():
            start = time.perf_counter()
            for file in order:
                with open(f'{place}/{file}', 'rb', buffering=0) as stream:
                    stream.read()
            taken.append((time.perf_counter() - start) / count * 1e6)
    print(name, *(sorted(taken[1:])[rounds // 2] for taken in times.values()), sep='\t')
";

/// Packages the program and runs it.
pub(crate) fn measure(environment: &Environment, rounds: usize) -> Result<Vec<Reading>, String> {
    let complain = |error: std::io::Error| error.to_string();
    let place = environment.scratch.path().join("files");
    let data = place.join("data");
    fs::create_dir_all(&data).map_err(complain)?;
    for index in 0..FILES {
        // No two are the same, or they would be stored once.
        let bytes: Vec<u8> = (0..SIZE).map(|at| (at / 7 + index) as u8).collect();
        fs::write(data.join(format!("{index}.bin")), bytes).map_err(complain)?;
    }
    fs::write(place.join("__main__.py"), PROGRAM).map_err(complain)?;
    let app = environment.package(&place, "fast")?;
    let output = Command::new(&app)
        .arg(&data)
        .args([FILES, rounds.max(1)].map(|number| number.to_string()))
        .output()
        .map_err(complain)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let reading = |line: &str| {
        let mut fields = line.split('\t');
        Some(Reading {
            name: fields.next()?.to_owned(),
            virtual_file: fields.next()?.parse().ok()?,
            real_file: fields.next()?.parse().ok()?,
        })
    };
    let rows: Option<Vec<_>> = said.lines().map(reading).collect();
    let rows = rows.filter(|rows| rows.len() == 2);
    rows.ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}
