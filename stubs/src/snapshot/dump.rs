//! Taking the snapshot, in a process of the application that was started for it.
//!
//! Arguments: the application's name, then `import=MODULE` and `after=MODULE:FUNCTION`. Standard
//! input is the file to write, so that no path of the packaging machine gets into the memory. The
//! file is for the injector (injector/src/snapshot/dump.rs reads it), which is of the same version.

use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::ops::Range;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use oxidize_format::{Blob, Entry, RunConfig};

use super::processor::{self, Features};
use super::{memory, variables};
use crate::choice::Choice;
use crate::ffi::generators::{self, Generators};
use crate::ffi::module::Native;
use crate::ffi::snapshot::{self as native, Detached};
use crate::ffi::{self, Gil, Object, Result, arenas, blocks, lifecycle};
use crate::heap::pages;
use crate::importer::{self, loader, paths};
use crate::{configure, exit, files, image, own};

/// What a process made from the snapshot starts with. Its fields are whole words, and all are
/// written: anything between them would be what lay on the stack of the process that takes the
/// snapshot.
pub(super) struct State {
    pub(super) interpreter: Detached,
    /// The words that hold what the C library calls the main thread.
    pub(super) selves: Vec<usize>,
    pub(super) generators: Generators,
    pub(super) features: Features,
    /// The locale's encoding; empty where it is C's own.
    pub(super) locale: Vec<u8>,
    /// Where CPython keeps whether it is in UTF-8 mode, if it can be put into it.
    pub(super) utf8_mode: Option<usize>,
    /// The variables that a start compares.
    pub(super) variables: Variables,
    pub(super) facts: Facts,
    /// The application's file name when the snapshot was taken.
    pub(super) name: Vec<u8>,
}

/// Variables that imports have read. Kept apart, because a `None` between them would leave a word
/// unwritten, which may hold an address of this process.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) unset: Vec<CString>,
    pub(super) set: Vec<(CString, CString)>,
    /// Whether the list of users has told a home directory, for want of a variable. Other processes
    /// have other users. 0 or 1.
    pub(super) users: u64,
}

/// What imports have asked about the process (`FACTS` in `snapshot.py`). Each is 0 or 1.
#[derive(Default)]
pub(super) struct Facts {
    /// The command line behind the program's name.
    pub(super) arguments: u64,
    /// The program's name.
    pub(super) name: u64,
    /// The current directory, which was [`DIRECTORY`].
    pub(super) directory: u64,
    /// Whether standard streams are terminals; none was.
    pub(super) terminal: u64,
}

/// Where the injector starts the process that takes a snapshot.
pub(super) const DIRECTORY: &str = "/";

pub(super) static STATE: OnceLock<State> = OnceLock::new();

/// What tells QEMU, if it runs this process, which processor to emulate.
const EMULATED: &str = "QEMU_CPU";

/// Exit status where the application cannot have a snapshot, with the reasons on standard error, a
/// line each.
const UNFIT: i32 = 3;
const FAILURE: i32 = 1;

const SOURCE: &str = include_str!("snapshot.py");

/// Where `_oxidize` keeps the functions of `snapshot.py`.
pub(super) const HELPER: &CStr = c"_snapshot";

/// Whether this process is to make a snapshot of itself.
pub(crate) fn is_wanted() -> bool {
    image::wants_snapshot()
}

/// What the injector asks for.
struct Wishes {
    name: OsString,
    imports: Vec<String>,
    after: Option<(String, String)>,
    /// Modules that each process executes again.
    reloaded: Vec<String>,
    /// How often it was tried before.
    attempts: usize,
    /// The value of [`EMULATED`].
    emulated: Option<OsString>,
}

impl Wishes {
    fn read(arguments: &[OsString]) -> Option<Wishes> {
        let [_, name, rest @ ..] = arguments else {
            return None;
        };
        let mut wishes = Wishes {
            name: name.clone(),
            imports: Vec::new(),
            after: None,
            reloaded: Vec::new(),
            attempts: 0,
            emulated: std::env::var_os(EMULATED),
        };
        for wish in rest {
            match wish.to_str()?.split_once('=')? {
                ("import", module) => wishes.imports.push(module.to_owned()),
                ("reload", module) => wishes.reloaded.push(module.to_owned()),
                ("after", target) => {
                    let (module, function) = target.split_once(':')?;
                    wishes.after = Some((module.to_owned(), function.to_owned()));
                }
                ("again", _) => wishes.attempts += 1,
                _ => return None,
            }
        }
        Some(wishes)
    }
}

/// Starts Python, imports, writes; returns the exit status.
pub(crate) fn dump(
    run: &RunConfig<'static>,
    blob: Blob<'static>,
    arguments: &[OsString],
    functions: Native,
) -> i32 {
    let Some(wishes) = Wishes::read(arguments).filter(|_| !lifecycle::is_privileged()) else {
        eprintln!(
            "error: this file is an unfinished application, of which a snapshot was to be taken"
        );
        return FAILURE;
    };
    lifecycle::unset_environment(c"QEMU_CPU");
    let output = match take_output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("error: cannot write the snapshot: {error}");
            return FAILURE;
        }
    };
    let place = Path::new(paths::ROOT).join("bin").join(&wishes.name);
    let own = own::stand_in(run, place);
    arenas::set(pages::allocate_arena, pages::free_arena);
    blocks::clear_new();
    if let Err(reason) = ffi::module::register(functions) {
        eprintln!("error: {reason}");
        return FAILURE;
    }
    match configure::begin(run, blob, &[own.file.clone().into()], Choice::Made) {
        Ok(_) => {}
        Err(configure::Error::Python(failure)) => failure.exit(),
        Err(configure::Error::Settings(reason)) => {
            eprintln!("error: {reason}");
            return FAILURE;
        }
    }
    let prepared = lifecycle::with_gil(|gil| {
        let prepared = importer::prefer_path_hook(gil).and_then(|()| prepare(gil, run, &wishes));
        if prepared.is_err() {
            gil.print_raised();
        }
        prepared
    });
    let Ok(prepared) = prepared else {
        return FAILURE;
    };
    match prepared {
        Err(reasons) => {
            eprintln!("{reasons}");
            UNFIT
        }
        Ok(prepared) => finish(prepared, &wishes, arguments, output),
    }
}

/// The file to write, which came as standard input. That has nothing to read from now on.
fn take_output() -> io::Result<File> {
    let output = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let nothing = File::open("/dev/null")?;
    // SAFETY: replaces descriptor 0, which nobody has used yet, by an open one.
    if unsafe { libc::dup2(nothing.as_raw_fd(), 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(output)
}

/// What is known before the interpreter is left.
struct Prepared {
    variables: Variables,
    facts: Facts,
    generators: Generators,
    utf8_mode: Option<usize>,
    /// Lines for the injector.
    report: String,
}

/// Imports, and has everything checked; the inner error is what stands against a snapshot.
fn prepare<'py>(
    gil: Gil<'py>,
    run: &RunConfig<'static>,
    wishes: &Wishes,
) -> Result<std::result::Result<Prepared, String>> {
    let helper = helper(gil)?;
    let own = own::own().expect("it was set a moment ago");
    let directory = own.file.parent().unwrap_or(Path::new("/"));
    let reloaded = wishes.reloaded.iter().map(|name| gil.str(name));
    helper.call_method(
        c"begin",
        &[
            gil.list(&reloaded.collect::<Result<Vec<_>>>()?)?,
            gil.os_str(own.executable.as_os_str())?,
            gil.os_str(own.file.as_os_str())?,
            gil.os_str(directory.as_os_str())?,
        ],
    )?;
    let sys = gil.import("sys")?;
    let lists = [sys.attr(c"argv")?, sys.attr(c"orig_argv")?];
    let arguments = helper.attr(c"Arguments")?;
    for list in &lists {
        native::set_list_class(list, Some(&arguments));
    }
    variables::record();
    generators::take_random_numbers_from_system(true);
    let failed = import_entry(gil, run, &helper)?;
    let names = wishes.imports.iter().map(|name| gil.str(name));
    helper.call_method(
        c"import_names",
        &[gil.list(&names.collect::<Result<Vec<_>>>()?)?],
    )?;
    if let Some((module, function)) = &wishes.after {
        helper.call_method(c"call", &[gil.str(module)?, gil.str(function)?])?;
    }
    for list in &lists {
        native::set_list_class(list, None);
    }
    generators::take_random_numbers_from_system(false);
    generators::forget_time_of_terminals();
    files::forget_descriptors();
    let read = variables::recorded();
    let read = read.iter().map(|name| gil.bytes(name.to_bytes()));
    let read = gil.list(&read.collect::<Result<Vec<_>>>()?)?;
    let mut problems = texts(&helper.call_method(c"finish", &[read])?)?;
    if native::has_subinterpreters(gil) {
        problems.push("there is a second interpreter".to_owned());
    }
    if !problems.is_empty() {
        return Ok(Err(problems.join("\n")));
    }
    let mut prepared = Prepared {
        variables: Variables::default(),
        facts: Facts::default(),
        generators: Generators::used(gil)?,
        utf8_mode: native::place_of_utf8_mode(gil)?,
        report: String::new(),
    };
    for failure in failed {
        prepared.line("failed", &failure);
    }
    for pair in helper.call_method(c"variables", &[])?.items()? {
        let pair = pair.items()?;
        let text = |item: &Object<'py>| -> Result<Option<CString>> {
            if item.is_none() {
                return Ok(None);
            }
            Ok(CString::new(item.as_bytes()?).ok())
        };
        if let Some(name) = text(&pair[0])? {
            let reader = pair[2].as_str()?;
            prepared.line("variable", &format!("{} {reader}", name.to_string_lossy()));
            match text(&pair[1])? {
                None => prepared.variables.unset.push(name),
                Some(value) => prepared.variables.set.push((name, value)),
            }
        }
    }
    prepared.variables.users = helper.call_method(c"users", &[])?.is_true()?.into();
    for pair in helper.call_method(c"facts", &[])?.items()? {
        let pair = pair.items()?;
        let (fact, reader) = (pair[0].as_str()?, pair[1].as_str()?);
        prepared.line("process", &format!("{fact} {reader}"));
        let facts = &mut prepared.facts;
        match fact {
            "arguments" => facts.arguments = 1,
            "name" => facts.name = 1,
            "directory" => facts.directory = 1,
            "terminal" => facts.terminal = 1,
            _ => {}
        }
    }
    for module in texts(&helper.call_method(c"modules", &[])?)? {
        prepared.line("module", &module);
    }
    gil.import("gc")?.call_method(c"freeze", &[])?;
    pages::refuse_arenas(true);
    blocks::stop_clearing(gil);
    blocks::wipe_freed(gil, pages::was_refused);
    pages::refuse_arenas(false);
    native::immortalise(&[
        gil.import("_frozen_importlib")?.attr(c"ModuleSpec")?,
        gil.import("_oxidize")?.attr(c"ModuleSpec")?,
    ]);
    exit::remember_frozen(gil)?;
    Ok(Ok(prepared))
}

impl Prepared {
    fn line(&mut self, kind: &str, text: &str) {
        self.report.push_str(kind);
        self.report.push(' ');
        // One line each, whatever an exception says.
        self.report
            .extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        self.report.push('\n');
    }
}

fn texts(list: &Object<'_>) -> Result<Vec<String>> {
    list.items()?
        .iter()
        .map(|item| Ok(item.as_str()?.to_owned()))
        .collect()
}

/// The functions of `snapshot.py`, in a module that `_oxidize` keeps.
fn helper(gil: Gil<'_>) -> Result<Object<'_>> {
    let module = gil
        .import("sys")?
        .attr(c"__class__")?
        .call(&[gil.str("_oxidize_snapshot")?])?;
    let code = gil.builtin(c"compile")?.call(&[
        gil.str(SOURCE)?,
        gil.str("<snapshot>")?,
        gil.str("exec")?,
    ])?;
    let scope = module.module_dict()?;
    scope.set_item("__builtins__", &gil.import("builtins")?)?;
    scope.set_item("__file__", &gil.str("<snapshot>")?)?;
    gil.eval(&code, &scope)?;
    gil.import("_oxidize")?.set_attr(HELPER, &module)?;
    Ok(module)
}

/// Imports what the entry point imports; the answer are import statements that failed.
fn import_entry<'py>(
    gil: Gil<'py>,
    run: &RunConfig<'static>,
    helper: &Object<'py>,
) -> Result<Vec<String>> {
    let (code, package, name) = match run.entry {
        Entry::None => return Ok(Vec::new()),
        Entry::Function { module, .. } => {
            gil.import(module)?;
            return Ok(Vec::new());
        }
        Entry::Script(path) => {
            let file = gil.str(&paths::outward(path))?;
            let loader = gil.import("_oxidize")?.attr(c"SourceFileLoader")?;
            let loader = loader.call(&[gil.str("__main__")?, file])?;
            let code = loader.call_method(c"get_code", &[gil.str("__main__")?])?;
            (code, None, "__main__".to_owned())
        }
        Entry::Module(module) => {
            let mut name = module.to_owned();
            if let Some((package, _)) = name.rsplit_once('.') {
                gil.import(package)?;
            }
            let mut found = importer::find(gil, &name)?;
            if found
                .as_ref()
                .is_some_and(oxidize_format::Module::is_package)
            {
                gil.import(&name)?;
                name.push_str(".__main__");
                found = importer::find(gil, &name)?;
            }
            let Some(found) = found else {
                return Ok(Vec::new());
            };
            let package = name.rsplit_once('.').map(|(package, _)| package.to_owned());
            (
                loader::code(&importer::current(gil)?, &found)?,
                package,
                name,
            )
        }
    };
    let package = match package {
        Some(package) => gil.str(&package)?,
        None => gil.none(),
    };
    let failed = helper.call_method(c"import_statements", &[code, package, gil.str(&name)?])?;
    texts(&failed)
}

/// Leaves the interpreter and writes everything.
fn finish(prepared: Prepared, wishes: &Wishes, arguments: &[OsString], mut output: File) -> i32 {
    let (is_plain, mut locale) = native::locale();
    if is_plain {
        locale = Vec::new();
    }
    let name = wishes.name.as_bytes().to_vec();
    let foreign = Foreign::read();
    let interpreter = native::leave();
    for stack in pages::stacks() {
        // SAFETY: no frame of Python's is alive.
        unsafe { memory::clear_stack(stack) }
    }
    let this_thread = native::this_thread();
    // From here until they are overwritten, nothing is allocated: they may lie in free memory. All
    // of the list's is written, so that nothing of this process stays in it.
    let mut selves = vec![0; MOST_SELVES];
    let mut count = 0;
    for range in memory::kept().into_iter().chain([memory::heap()]) {
        memory::scan(range, |at, word| {
            if word == this_thread && count < MOST_SELVES {
                selves[count] = at;
                count += 1;
            }
        });
    }
    selves.truncate(count);
    let state = State {
        interpreter,
        selves,
        generators: prepared.generators,
        features: processor::features(),
        locale,
        utf8_mode: prepared.utf8_mode,
        variables: prepared.variables,
        facts: prepared.facts,
        name,
    };
    let state = STATE.get_or_init(|| state);
    let strays = foreign.strays(&state.selves);
    drop(foreign);
    // Two snapshots of one application are the same bytes: what this process alone has is not
    // written.
    let native_thread = native::native_thread();
    for at in &state.selves {
        let behind = at + size_of::<usize>();
        // SAFETY: found by the scan. Nothing of Python's runs any more, and a start writes these
        // words. CPython notes the system's number of a thread behind the C library's.
        unsafe {
            memory::patch(*at, 0);
            if memory::word(behind) == native_thread {
                memory::patch(behind, 0);
            }
        }
    }
    // And what Python has computed with.
    const DIGIT: u32 = 30;
    let digits = this_thread & ((1 << DIGIT) - 1) | this_thread >> DIGIT << 32;
    memory::scan(memory::heap(), |at, word| {
        if word == digits {
            // SAFETY: found by the scan: an int that means no thread any more, and another one of
            // the same length.
            unsafe { memory::patch(at, 1 | 1 << 32) }
        }
    });
    // Written in any case, so that what is wrong can be looked at.
    let written = write(&mut output, &prepared.report);
    let by_chance = |stray: &String| stray.contains(&format!(" points to {LIBRARY_HEAP} "));
    if !strays.is_empty() && strays.iter().all(by_chance) && wishes.attempts < MOST_ATTEMPTS {
        native::leave_addresses_to_chance();
        let error = Command::new("/proc/self/exe")
            .args(&arguments[1..])
            .arg(format!("{}1", native::AGAIN))
            .envs(wishes.emulated.iter().map(|value| (EMULATED, value)))
            .stdin(output)
            .exec();
        eprintln!("error: {error}");
    }
    if !strays.is_empty() {
        eprintln!("{}", strays.join("\n"));
        return UNFIT;
    }
    match written {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("error: cannot write the snapshot: {error}");
            FAILURE
        }
    }
}

/// The C library's own heap. It begins anywhere in the first GiB, so that a number may look like an
/// address in it. Another process has it elsewhere: what is an address will be found there again.
const LIBRARY_HEAP: &str = "[heap]";
const MOST_ATTEMPTS: usize = 4;

/// More words than this cannot hold a thread's address.
const MOST_SELVES: usize = 256;

/// What a line of `/proc/self/maps` says is mapped.
fn path(line: &str) -> Option<&str> {
    line.splitn(6, char::is_whitespace)
        .nth(5)
        .map(str::trim_start)
        .filter(|path| !path.is_empty())
}

/// What this process alone has mapped.
struct Foreign(Vec<(Range<usize>, String)>);

impl Foreign {
    fn read() -> Foreign {
        // In one piece and wiped at the end: it names the file that this process was started from.
        let mut text = String::with_capacity(1 << 20);
        let maps = File::open("/proc/self/maps");
        let _ = maps.and_then(|mut maps| maps.read_to_string(&mut text));
        // The first mapping is the program's; all its segments come to lie where they were.
        let program = text.lines().next().and_then(path);
        let parse = |line: &str| {
            let (range, _) = line.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            let start = usize::from_str_radix(start, 16).ok()?;
            let end = usize::from_str_radix(end, 16).ok()?;
            let range = start..end;
            let ours = path(line).is_some() && path(line) == program
                || (pages::ARENA..pages::ARENA_END).contains(&start)
                || range.contains(&memory::whole().start)
                || range.contains(&(memory::whole().end - 1))
                // What nobody can read, nobody points to: between the segments, below the stack.
                || line.contains(" ---p ")
                // The kernel's own page for old programs, at the very end of all addresses.
                || start >= 1 << 60;
            let name = match path(line) {
                Some(name) => name,
                // Only the C library's heap is there. QEMU leaves out its name.
                None if range.start < pages::ARENA => LIBRARY_HEAP,
                None => "memory of its own",
            };
            // QEMU maps all of a stack at once. Where no frame ever was, no address points.
            let range = match name {
                "[stack]" if !ours => memory::written(range),
                _ => range,
            };
            (!ours).then(|| (range, name.to_owned()))
        };
        let foreign = Foreign(text.lines().filter_map(parse).collect());
        let mut bytes = text.into_bytes();
        bytes.fill(0);
        std::hint::black_box(&bytes);
        foreign
    }

    /// Words that point into it, as lines for the user; the thread's own name is known and
    /// replaced.
    fn strays(&self, selves: &[usize]) -> Vec<String> {
        const MOST: usize = 20;
        let mut lines = Vec::new();
        let list = self.0.as_ptr_range();
        let list = list.start.addr()..list.end.addr();
        for range in memory::kept().into_iter().chain([memory::heap()]) {
            let place = if range.start == pages::ARENA {
                "the heap"
            } else {
                "the program's data"
            };
            memory::scan(range, |at, word| {
                if lines.len() < MOST
                    && let Some((range, name)) = self.0.iter().find(|(range, _)| range.contains(&word))
                    // Without chance it begins where the program's last segment ends, which slices
                    // name.
                    && (word != range.start || name != LIBRARY_HEAP)
                    && !selves.contains(&at)
                    && !list.contains(&at)
                {
                    lines.push(format!("{place} points to {name} ({at:#x}: {word:#x})"));
                }
            });
        }
        lines
    }
}

/// The file: a header of 64-bit numbers, the data segment, the heap, the report.
fn write(file: &mut File, report: &str) -> io::Result<()> {
    file.set_len(0)?; // an attempt before this one
    file.rewind()?;
    let (whole, heap, [data, bss]) = (memory::whole(), memory::heap(), memory::fresh());
    let header = [
        u64::from_le_bytes(*b"OXIDUMP1"),
        whole.start as u64,
        whole.end as u64,
        data.start as u64,
        data.end as u64,
        bss.start as u64,
        bss.end as u64,
        heap.start as u64,
        heap.end as u64,
        nothing as *const () as usize as u64,
        processor::constructor() as u64,
        report.len() as u64,
    ];
    let mut bytes = [0; 12 * 8];
    for (place, number) in bytes.chunks_exact_mut(8).zip(header) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    file.write_all(&bytes)?;
    // From here on nothing is allocated.
    memory::set_end(heap.end);
    pages::set_top(0);
    // SAFETY: ranges of this process's memory; `write` does not change them.
    let written = unsafe {
        file.write_all(memory::bytes(whole))
            .and_then(|()| file.write_all(memory::bytes(heap.clone())))
    };
    pages::set_top(heap.end);
    written?;
    file.write_all(report.as_bytes())
}

/// Stands in the table of constructors for those that have run before the snapshot was taken.
extern "C" fn nothing() {}
