//! `dlopen` of virtual files on macOS: from the user's verified cache, as dyld takes files only.
//!
//! A library is put there together with the bundled ones that it needs, directly or through others,
//! as an extension module is ([`dynamic`]).

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use oxidize_format::{Node, Place};

use super::{BLOB, Lead, content, locate};
use crate::ffi::dynamic::{self, Image};
use crate::files::group::group;

type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;

/// libSystem's own `dlopen`.
fn linker() -> Open {
    // SAFETY: its type in dlfcn.h.
    unsafe { real!(dlopen: fn(*const c_char, c_int) -> *mut c_void) }
}

fn damaged(error: oxidize_format::Error) -> String {
    format!("the resources of this executable are damaged: {error}")
}

fn path_of(path: &[u8]) -> Result<CString, String> {
    CString::new(path).map_err(|error| error.to_string())
}

/// The file to load for a node, with those it needs loaded.
fn prepare(node: Node<'static>, flags: c_int) -> Result<CString, String> {
    let path = node.path().map_err(damaged)?;
    if node.is_dir() {
        return Err(format!("dlopen({path}): not a file"));
    }
    if let Ok(Some(path)) = content::on_disk(node) {
        return Ok(path);
    }
    let blob = BLOB.get().ok_or("there are no resources")?;
    let mut images = Vec::new();
    for native in group(blob, node).map_err(damaged)? {
        let data = native.data().map_err(damaged)?;
        let image = Image::new(&native, &data.read().map_err(damaged)?);
        images.push(image.map_err(|problem| format!("dlopen({path}): it {problem}"))?);
    }
    let Some(first) = images.first() else {
        return Err(format!("dlopen({path}): not a library for macOS"));
    };
    let file = path_of(first.path().as_bytes())?;
    if images.len() > 1 && flags & libc::RTLD_NOLOAD == 0 {
        dynamic::load(&images, flags)?;
    }
    Ok(file)
}

thread_local! {
    /// What `dlerror` has to say, and whether it has not said it yet. The text stays until the next
    /// one, as libSystem's does.
    static ERROR: RefCell<(Option<CString>, bool)> = const { RefCell::new((None, false)) };
}

/// Sets what `dlerror` has to say before libSystem's own word.
fn say(text: Option<String>) {
    let text = text.and_then(|text| CString::new(text).ok());
    // A thread that ends has nothing to say.
    let _ = ERROR.try_with(|error| {
        if let Ok(mut error) = error.try_borrow_mut() {
            error.1 = text.is_some();
            if text.is_some() {
                error.0 = text;
            }
        }
    });
}

define! {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void {
        let node = match locate(path) {
            // A path that is the system's, and a place where nothing is: dyld knows what to say.
            Lead::System(path) => {
                say(None);
                return linker()(path, flags);
            }
            Lead::Tree(Ok(Place::Node(node))) => node,
            Lead::Tree(_) => {
                say(None);
                return linker()(path, flags);
            }
        };
        match prepare(node, flags) {
            Ok(file) => {
                say(None);
                linker()(file.as_ptr(), flags)
            }
            Err(text) => {
                say(Some(text));
                ptr::null_mut()
            }
        }
    }
    fn dlerror() -> *mut c_char {
        let own = ERROR.try_with(|error| {
            let mut error = error.try_borrow_mut().ok()?;
            std::mem::take(&mut error.1)
                .then(|| error.0.as_ref().map(|text| text.as_ptr().cast_mut()))
                .flatten()
        });
        match own {
            Ok(Some(text)) => text,
            _ => real!(dlerror: fn() -> *mut c_char)(),
        }
    }
}
