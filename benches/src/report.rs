//! The tables, in Markdown.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::cold::Cold;
use crate::environment::Environment;
use crate::files::{Reading, SIZE};
use crate::injection::Injection;
use crate::measure::{Sample, output};
use crate::memory::{Memory, PROCESSES};
use crate::mercurial::{self, Mercurial};
use crate::packaging::{MODULES, Packaging, Size};
use crate::peers::Row;
use crate::startup::Case;

/// Collects the text.
pub(crate) struct Report {
    text: String,
}

impl Report {
    /// Starts with machine, date and method.
    pub(crate) fn new(environment: &Environment, rounds: usize) -> Self {
        let mut text = String::from("# Benchmark results\n\n");
        let stock = environment
            .stock_python
            .as_ref()
            .map_or("none found".to_owned(), |stock| stock.version.clone());
        let _ = writeln!(
            text,
            "Made by `cargo run --release -p oxidize-benches -- --write benches/RESULTS.md`. Ratios of medians of \
             {rounds} runs that took turns, after one warm-up round; below 100 % is better than the baseline. \
             Instructions are callgrind's (user mode).\n\n- date: {}\n- machine: {}, {} cores, {}\n- stock python3: {stock}\n",
            output("date", &["-u", "+%Y-%m-%d"]),
            cpu(),
            std::thread::available_parallelism().map_or(0, usize::from),
            output("uname", &["-sr"]),
        );
        Report { text }
    }

    /// Starts the comparison with other tools.
    pub(crate) fn peers(environment: &Environment, rounds: usize) -> Self {
        let stock = environment.stock_python.as_ref();
        let stock = stock.map_or("none found".to_owned(), |stock| stock.version.clone());
        let text = format!(
            "# Other tools\n\nMade by `cargo run --release -p oxidize-benches -- --peers --write benches/PEERS.md`: the same program packaged by each, \
             medians of {rounds} runs that took turns after one warm-up; {stock} is the Python of the others.\n\n- date: {}\n\
             - machine: {}, {} cores, {}\n\n![CPU time of a start](peers.svg)\n\n",
            output("date", &["-u", "+%Y-%m-%d"]),
            cpu(),
            std::thread::available_parallelism().map_or(0, usize::from),
            output("uname", &["-sr"]),
        );
        Report { text }
    }

    /// One program, packaged by each tool.
    pub(crate) fn peer_table(&mut self, app: &str, rows: &[Row]) {
        let _ = writeln!(
            self.text,
            "## {app}\n\n| tool | CPU | wall | size | packaging | files left |\n| --- | ---: | ---: | ---: | ---: | ---: |"
        );
        for row in rows {
            let _ = match &row.result {
                Ok(figures) => writeln!(
                    self.text,
                    "| {} | {:.0} ms | {:.0} ms | {:.1} MiB | {:.1} s | {} |",
                    row.peer,
                    figures.sample.cpu.as_secs_f64() * 1000.0,
                    figures.sample.wall.as_secs_f64() * 1000.0,
                    figures.bytes as f64 / f64::from(1 << 20),
                    figures.packaging.as_secs_f64(),
                    figures.left,
                ),
                Err(reason) => writeln!(
                    self.text,
                    "| {} | {} | | | | |",
                    row.peer,
                    reason.replace('|', "/")
                ),
            };
        }
        self.text.push('\n');
    }

    /// One table for a case; its second program is the baseline.
    pub(crate) fn startup(&mut self, case: &Case, samples: &[Sample]) {
        let _ = writeln!(self.text, "## {}\n\n{}\n", case.name, case.purpose);
        self.text
            .push_str("| program | CPU | wall | instructions |\n| --- | ---: | ---: | ---: |\n");
        let Some(baseline) = samples.get(1) else {
            return;
        };
        for (program, sample) in case.programs.iter().zip(samples) {
            let instructions = match (sample.instructions, baseline.instructions) {
                (Some(count), Some(base)) => format!("{:.1} %", count as f64 * 100.0 / base as f64),
                _ => "not measured".to_owned(),
            };
            let _ = writeln!(
                self.text,
                "| {} | {} | {} | {instructions} |",
                program.name,
                percent(sample.cpu, baseline.cpu),
                percent(sample.wall, baseline.wall),
            );
        }
        self.text.push('\n');
    }

    /// Starts with cold caches; the second is the baseline.
    pub(crate) fn cold(&mut self, rows: &[Cold], rounds: usize) {
        let Some(baseline) = rows.get(1) else {
            return;
        };
        let _ = writeln!(
            self.text,
            "## import all, cold\n\nThe same after the system has dropped its caches of files (`--cold ROUNDS`), {rounds} rounds; the disk of \
             a virtual machine may have caches of its own.\n\n| program | CPU | wall |\n| --- | ---: | ---: |"
        );
        for row in rows {
            let _ = writeln!(
                self.text,
                "| {} | {} | {} |",
                row.name,
                percent(row.cpu, baseline.cpu),
                percent(row.wall, baseline.wall)
            );
        }
        self.text.push('\n');
    }

    /// Memory of processes that run at once; the second is the baseline.
    pub(crate) fn memory(&mut self, rows: &[Memory]) {
        let Some(baseline) = rows.get(1) else {
            return;
        };
        let _ = writeln!(
            self.text,
            "## memory of {PROCESSES} processes\n\nEach has imported all of the standard library and waits: its own pages and \
             its part of shared ones (PSS).\n\n| program | a process | ratio |\n| --- | ---: | ---: |"
        );
        for row in rows {
            let _ = writeln!(
                self.text,
                "| {} | {:.1} MiB | {:.0} % |",
                row.name,
                row.each as f64 / f64::from(1 << 20),
                row.each as f64 * 100.0 / baseline.each.max(1) as f64
            );
        }
        self.text.push('\n');
    }

    /// Virtual files against real ones.
    pub(crate) fn files(&mut self, rows: &[Reading]) {
        let _ = writeln!(
            self.text,
            "## files of {} KiB\n\nOpen, read and close, in one process that takes turns. The first opening of a virtual \
             file copies it into memory, which costs its pages; a real one is in the page cache.\n\n| files | virtual | \
             real | ratio |\n| --- | ---: | ---: | ---: |",
            SIZE >> 10
        );
        for row in rows {
            let _ = writeln!(
                self.text,
                "| {} | {:.1} µs | {:.1} µs | {:.1} |",
                row.name,
                row.virtual_file,
                row.real_file,
                row.virtual_file / row.real_file
            );
        }
        self.text.push('\n');
    }

    /// Mercurial's tests; the first row is the baseline.
    pub(crate) fn mercurial(&mut self, figures: &Mercurial) {
        let Some(baseline) = figures.rows.first() else {
            return;
        };
        let _ = writeln!(
            self.text,
            "## Mercurial's tests\n\nThe CPU time of all processes of {} of the tests that Mercurial {} brings, rounds in turns: {}; \
             the smallest that need neither Python nor a server and pass with the script (see mercurial.rs). \
             Mercurial is without its extension modules; shells and tools of the tests count too.\n\n\
             | `hg` | CPU | each test's result |\n| --- | ---: | --- |",
            figures.tests,
            mercurial::VERSION,
            figures.rounds,
        );
        for row in &figures.rows {
            let results = match row.differing.as_slice() {
                [] => "the same".to_owned(),
                names => format!("another in {}", names.join(", ")),
            };
            let cpu = percent(row.cpu, baseline.cpu);
            let _ = writeln!(self.text, "| {} | {cpu} | {results} |", row.name);
        }
        self.text.push('\n');
    }

    /// How large hello is.
    pub(crate) fn sizes(&mut self, rows: &[Size]) {
        let _ = writeln!(
            self.text,
            "## size of hello\n\nThe whole program, interpreter and standard library included.\n\n\
             | options | size |\n| --- | ---: |"
        );
        for row in rows {
            let options = match row.options {
                "" => "none".to_owned(),
                options => format!("`{options}`"),
            };
            let size = row.bytes as f64 / f64::from(1 << 20);
            let _ = writeln!(self.text, "| {options} | {size:.1} MiB |");
        }
        self.text.push('\n');
    }

    /// How long many modules take to package.
    pub(crate) fn packaging(&mut self, result: &Packaging, rounds: usize) {
        let _ = writeln!(
            self.text,
            "## packaging {MODULES} modules\n\nSeconds on this machine, from the command's start to its end; {rounds} rounds, \
             the first row once.\n\n| cache | wall |\n| --- | ---: |\n| empty | {:.2} s |\n\
             | nothing changed | {:.2} s |\n| one module changed | {:.2} s |\n",
            result.cold.as_secs_f64(),
            result.warm.as_secs_f64(),
            result.changed.as_secs_f64(),
        );
    }

    /// The injection table.
    pub(crate) fn injection(&mut self, result: &Injection) {
        let _ = writeln!(
            self.text,
            "## injection of {} MiB\n\nWall time against copying the same bytes, on {} (`--scratch DIR` chooses). The injector also computes the digest; \
             where it replaces a program, it makes sure that the new one is on the disk first.\n\n| injection | baseline | ratio |\n\
             | --- | --- | ---: |\n| where nothing was | `cp` | {} |\n| where nothing was | `cp` and `sha256sum` | {} |\n\
             | in place of a program | `cp` and `sync` | {} |\n",
            result.mebibytes,
            result.file_system,
            percent(result.inject, result.copy),
            percent(result.inject, result.copy_hashed),
            percent(result.replace, result.copy_synced),
        );
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

fn percent(value: Duration, baseline: Duration) -> String {
    let ratio = value.as_secs_f64() * 100.0 / baseline.as_secs_f64().max(f64::EPSILON);
    // Small ones would be rounded to half or twice of what they are.
    format!("{ratio:.*} %", usize::from(ratio < 10.0))
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    model.map_or("unknown CPU".to_owned(), |line| {
        line.trim_start_matches(['\t', ' ', ':']).to_owned()
    })
}
