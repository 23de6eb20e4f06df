//! `dlopen` of virtual files, with glibc.
//!
//! A shared object is loaded from a file in memory ([`images`](super::images)), together with the
//! bundled libraries that it needs, directly or through others ([`group`]). Extension modules come
//! this way too: CPython opens them by their virtual paths.
//!
//! Once an object is loaded, its virtual path takes the place of the path in memory in the dynamic
//! linker's list (`link_map`). So `dladdr`, `dl_iterate_phdr` and `dlinfo` say where the object
//! lies in the application, and libraries that look for their data beside themselves find it.
//! glibc keeps the name that an object was first asked by as well, which is how the objects of a
//! group find each other. Objects are never unloaded: each keeps one reference of ours.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oxidize_format::{Blob, Native, Node, Place};

use super::images::Image;
use super::{BLOB, Lead, content, locate};
use crate::group;
use crate::paths::ROOT;

type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;

/// The C library's own `dlopen`.
fn linker() -> Open {
    // SAFETY: its type in dlfcn.h.
    unsafe { real!(dlopen: fn(*const c_char, c_int) -> *mut c_void) }
}

/// The C library's own `dlerror`.
fn last_word() -> unsafe extern "C" fn() -> *mut c_char {
    // SAFETY: its type in dlfcn.h.
    unsafe { real!(dlerror: fn() -> *mut c_char) }
}

/// What `dlopen` was called with, as the code below stores it.
#[repr(C)]
struct Arguments {
    flags: c_int,
    path: *const c_char,
}

/// `dlopen(path, flags)`.
///
/// glibc finds out who calls by the return address: in whose `RUNPATH` a bare name is looked for.
/// So its `dlopen` is jumped to, not called, with the stack as the caller left it.
///
/// # Safety
/// As `dlopen`.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void {
    core::arch::naked_asm!(
        "push rdi",
        "push rsi",
        "mov rdi, rsp",
        "mov rsi, [rsp + 16]",
        "sub rsp, 8",
        "call {decide}",
        "add rsp, 8",
        "pop rsi",
        "pop rdi",
        "jmp rax",
        decide = sym decide,
    )
}

/// `dlopen(path, flags)`.
///
/// glibc finds out who calls by the return address: in whose `RUNPATH` a bare name is looked for.
/// So its `dlopen` is jumped to, not called, with the stack as the caller left it.
///
/// # Safety
/// As `dlopen`.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void {
    core::arch::naked_asm!(
        "stp x29, x30, [sp, #-32]!",
        "mov x29, sp",
        "stp x1, x0, [sp, #16]",
        "add x0, sp, #16",
        "mov x1, x30",
        "bl {decide}",
        "mov x16, x0",
        "ldp x1, x0, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        "br x16",
        decide = sym decide,
    )
}

/// Which function serves a call of `dlopen`, and with which path.
///
/// # Safety
/// The path must be null or a C string, the caller's address in some object's code.
unsafe extern "C" fn decide(arguments: &mut Arguments, caller: *const c_void) -> Open {
    say(None);
    // Found now: a later search would make the linker forget what it has to say.
    last_word();
    // SAFETY: the caller's.
    unsafe {
        match locate(arguments.path) {
            Lead::System(path) => {
                arguments.path = path;
                match beside(path, caller) {
                    Some(found) => {
                        arguments.path = hold(found);
                        open_virtual
                    }
                    None => linker(),
                }
            }
            Lead::Tree(_) => open_virtual,
        }
    }
}

/// The path of the library that a bare name means to an object of the application: one in the same
/// directory, or one of that name that it bundles elsewhere. On disk its `RUNPATH` would say so.
///
/// # Safety
/// As [`decide`].
unsafe fn beside(name: *const c_char, caller: *const c_void) -> Option<CString> {
    let blob = BLOB.get()?;
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller's; the structure is the linker's to fill, and its name a C string.
    let (name, from) = unsafe {
        let name = CStr::from_ptr(name).to_str().ok()?;
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let mut found: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(caller, &raw mut found) == 0 || found.dli_fname.is_null() {
            return None;
        }
        (name, CStr::from_ptr(found.dli_fname))
    };
    let from = from.to_str().ok().filter(|from| from.starts_with(ROOT))?;
    let from = blob.tree().find(from).ok()??;
    let file = |node: &Node<'static>| !node.is_dir();
    let near = from.parent().ok()??.child(name).ok()?.filter(file);
    let found = match near {
        Some(node) => node,
        None => blob.natives().find(name).ok()??.node().ok()??,
    };
    CString::new(found.path().ok()?).ok()
}

/// `dlopen` of a virtual path.
///
/// # Safety
/// As `dlopen`.
unsafe extern "C" fn open_virtual(path: *const c_char, flags: c_int) -> *mut c_void {
    // SAFETY: the caller's.
    let node = match unsafe { locate(path) } {
        Lead::Tree(Ok(Place::Node(node))) => node,
        // It says what it says about any file that is not there.
        // SAFETY: the caller's.
        _ => return unsafe { linker()(path, flags) },
    };
    load(node, flags).unwrap_or_else(|text| {
        // SAFETY: it takes nothing, and forgets the linker's own last word.
        unsafe { last_word()() };
        say(Some(text));
        ptr::null_mut()
    })
}

/// An object that was asked for.
struct Known {
    /// The path that glibc knows it by.
    path: CString,
    /// Until it is loaded.
    image: Option<Arc<Image>>,
}

/// By node. Not locked while the dynamic linker runs: initialisers may call `dlopen`. Threads that
/// load an object at the same time do so by the same path, which glibc loads once.
static KNOWN: Mutex<BTreeMap<u32, Known>> = Mutex::new(BTreeMap::new());

fn known() -> MutexGuard<'static, BTreeMap<u32, Known>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn loaded(node: Node<'_>) -> Option<CString> {
    let known = known();
    let found = known.get(&node.index())?;
    found.image.is_none().then(|| found.path.clone())
}

/// A member of a group.
struct Member {
    node: Node<'static>,
    path: String,
    native: Option<Native<'static>>,
}

fn damaged(error: oxidize_format::Error) -> String {
    format!("the resources of this executable are damaged: {error}")
}

fn load(node: Node<'static>, flags: c_int) -> Result<*mut c_void, String> {
    if node.is_dir() {
        let path = node.path().map_err(damaged)?;
        return Err(format!("{path}: cannot read file data: Is a directory"));
    }
    if let Ok(Some(path)) = content::on_disk(node) {
        // SAFETY: a C string.
        return Ok(unsafe { linker()(path.as_ptr(), flags) });
    }
    if let Some(path) = loaded(node) {
        // SAFETY: a C string.
        return Ok(unsafe { linker()(path.as_ptr(), flags) });
    }
    if flags & libc::RTLD_NOLOAD != 0 {
        return Ok(ptr::null_mut());
    }
    let blob = BLOB.get().ok_or("there are no resources")?;
    let members = members(blob, node).map_err(damaged)?;
    let mut paths = Vec::with_capacity(members.len());
    let mut images = Vec::with_capacity(members.len());
    let mut aliases = Vec::new();
    for member in &members {
        let (path, image, alias) = image(member)?;
        paths.push(path);
        images.extend(image);
        aliases.extend(alias);
    }
    let handle = open(&paths, &aliases, flags).map_err(|mut text| {
        for (path, member) in paths.iter().zip(&members) {
            text = text.replace(&*path.to_string_lossy(), &member.path);
            known().remove(&member.node.index());
        }
        text
    })?;
    for (path, member) in paths.iter().zip(&members) {
        name(path, &member.path);
        if let Some(known) = known().get_mut(&member.node.index()) {
            known.image = None;
        }
    }
    drop(images);
    Ok(handle)
}

/// The image at a node, and those it needs that are not loaded yet, in the order in which a
/// dynamic linker maps them: breadth first.
fn members(
    blob: &Blob<'static>,
    node: Node<'static>,
) -> Result<Vec<Member>, oxidize_format::Error> {
    let natives = blob.natives();
    let mut own = None;
    for native in natives.iter() {
        let native = native?;
        if native.node()?.is_some_and(|of| of.index() == node.index()) {
            own = Some(native);
            break;
        }
    }
    let mut seen = BTreeSet::from([node.index()]);
    let mut members = vec![Member {
        node,
        path: node.path()?,
        native: own,
    }];
    let mut next = 0;
    while let Some(member) = members.get(next) {
        next += 1;
        let Some(native) = member.native else {
            continue; // Nothing is known about what it needs.
        };
        for needed in native.needed() {
            let Some(library) = natives.find(needed?)? else {
                continue; // The system's.
            };
            let Some(node) = library.node()? else {
                continue;
            };
            if loaded(node).is_none() && seen.insert(node.index()) {
                members.push(Member {
                    node,
                    path: node.path()?,
                    native: Some(library),
                });
            }
        }
    }
    Ok(members)
}

/// The path of a member's file in memory, the file, and for one that does not say what it is called
/// (`DT_SONAME`) an object that does.
type Prepared = (CString, Option<Arc<Image>>, Option<Image>);

fn image(member: &Member) -> Result<Prepared, String> {
    let of_member = |text: String| format!("{}: {text}", member.path);
    let data = member.node.data().map_err(damaged)?;
    let data = data.ok_or_else(|| of_member("no file".to_owned()))?;
    let bytes = data.read().map_err(damaged)?;
    let (path, image) = match wanted(member.node) {
        Some(known) => known,
        None => {
            let image = Arc::new(Image::new(member.node.name(), &bytes).map_err(of_member)?);
            let mut all = known();
            let known = all.entry(member.node.index()).or_insert_with(|| Known {
                path: image.path().to_owned(),
                image: Some(image),
            });
            (known.path.clone(), known.image.clone())
        }
    };
    let soname = member.native.and_then(|native| native.soname());
    let alias = match soname.filter(|_| !group::has_soname(&bytes)) {
        Some(soname) => {
            let object = group::object(Some(soname), &[&path.to_string_lossy()]);
            Some(Image::new(soname, &object).map_err(of_member)?)
        }
        None => None,
    };
    Ok((path, image, alias))
}

/// What another thread, or one that failed, has prepared.
fn wanted(node: Node<'_>) -> Option<(CString, Option<Arc<Image>>)> {
    let known = known();
    let found = known.get(&node.index())?;
    Some((found.path.clone(), found.image.clone()))
}

/// Loads these files together, as the dynamic linker loads the first and what it needs.
fn open(paths: &[CString], aliases: &[Image], flags: c_int) -> Result<*mut c_void, String> {
    let mut group = None;
    if paths.len() + aliases.len() > 1 {
        let paths = paths.iter().map(CString::as_c_str);
        let all: Vec<_> = paths
            .chain(aliases.iter().map(Image::path))
            .map(CStr::to_string_lossy)
            .collect();
        let all: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
        group = Some(Image::new("group", &group::object(None, &all))?);
    }
    // SAFETY: C strings. Running the libraries' initialisers is what the caller asked for;
    // `dlerror`'s text is copied at once.
    unsafe {
        let kept = group.is_none_or(|group| !linker()(group.path().as_ptr(), flags).is_null());
        let handle = match kept {
            true => linker()(paths[0].as_ptr(), flags),
            false => ptr::null_mut(),
        };
        if !handle.is_null() {
            return Ok(handle);
        }
        let text = last_word()();
        Err(match text.is_null() {
            true => "dlopen failed".to_owned(),
            false => CStr::from_ptr(text).to_string_lossy().into_owned(),
        })
    }
}

/// Writes a loaded object's virtual path into the dynamic linker's list, and keeps it loaded.
fn name(path: &CStr, virtual_path: &str) {
    /// The beginning of `struct link_map` (link.h).
    #[repr(C)]
    struct LinkMap {
        address: usize,
        name: *mut c_char,
    }
    let Ok(virtual_path) = CString::new(virtual_path) else {
        return;
    };
    // SAFETY: with glibc a handle is the object's `link_map`, which lives as long as the reference
    // that is taken here, for ever. The old name is left for whoever holds it; the new one is
    // allocated as the linker allocates its own.
    unsafe {
        let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD;
        let map: *mut LinkMap = linker()(path.as_ptr(), flags).cast();
        let copy = libc::strdup(virtual_path.as_ptr());
        if !map.is_null() && !copy.is_null() {
            (&raw mut (*map).name).write(copy);
        }
    }
}

thread_local! {
    /// What `dlerror` has to say, and whether it has not said it yet.
    static ERROR: RefCell<(Option<CString>, bool)> = const { RefCell::new((None, false)) };
    /// The path of the call under way, where the caller gave a bare name.
    static PATH: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// Sets what `dlerror` has to say before the C library's own word.
fn say(text: Option<String>) {
    let text = text.and_then(|text| CString::new(text).ok());
    // A thread that ends has nothing to say.
    let _ = ERROR.try_with(|error| {
        let new = text.is_some();
        let mut error = error.borrow_mut();
        if new {
            error.0 = text;
        }
        error.1 = new;
    });
}

/// A pointer to a path that stays for the call under way.
fn hold(path: CString) -> *const c_char {
    // The heap's address does not change when the path moves.
    let pointer = path.as_ptr();
    let mut path = Some(path);
    let _ = PATH.try_with(|held| held.replace(path.take()));
    path.map_or(pointer, |path| path.into_raw().cast_const())
}

define! {
    fn dlerror() -> *mut c_char {
        let own = ERROR.try_with(|error| {
            let mut error = error.borrow_mut();
            std::mem::take(&mut error.1)
                .then(|| error.0.as_ref().map(|text| text.as_ptr().cast_mut()))
                .flatten()
        });
        match own {
            Ok(Some(text)) => text,
            _ => last_word()(),
        }
    }
}
