//! `oxidize-trial [WORD...]`: packages and uses the programs of `tests/programs` whose names
//! contain a word, and prints a row for each. It ends with 1 if one failed.

use std::process::ExitCode;

use oxidize_tests::trial::{self, Row};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let programs = match trial::programs(&words) {
        Ok(programs) => programs,
        Err(stop) => {
            eprintln!("error: {stop}");
            return ExitCode::from(2);
        }
    };
    println!("| program | version | target | result | size | CPU time against plain |");
    println!("| --- | --- | --- | --- | ---: | ---: |");
    let (mut works, mut all) = (0, 0);
    for program in &programs {
        for row in trial::run(program) {
            all += 1;
            works += usize::from(row.failure.is_none());
            println!("{}", line(&row));
            if let Some(failure) = &row.failure {
                eprintln!("==== {} for {}\n{failure}\n", row.program, row.target);
            }
        }
    }
    println!("\n{works} of {all} work.");
    ExitCode::from(u8::from(works != all))
}

fn line(row: &Row) -> String {
    let result = match &row.failure {
        None => "works".to_owned(),
        Some(failure) => {
            // Of a traceback the last line says it.
            let mut lines = failure.lines().map(str::trim);
            let last = lines.rfind(|line| !line.is_empty());
            let last = last.unwrap_or_default().replace('|', "\\|");
            let last: String = last.chars().take(200).collect();
            let plain = failure.starts_with("fails under the plain");
            let where_else = if plain { " (unpackaged too)" } else { "" };
            format!("fails{where_else}: {last}")
        }
    };
    let ratio = match row.ratio {
        0.0 => String::new(),
        ratio => format!("{:.0} %", 100.0 * ratio),
    };
    let (program, version, target) = (&row.program, &row.version, &row.target);
    let size = row.size as f64 / 1e6;
    format!("| {program} | {version} | {target} | {result} | {size:.1} MB | {ratio} |")
}
