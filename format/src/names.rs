//! The shapes of names and paths, shared by writer and validator.

use crate::header::MAX_STRING;

/// The rule a string of the string table breaks, if any.
pub(crate) fn check_string(text: &str) -> Result<(), &'static str> {
    if text.len() as u64 > MAX_STRING {
        Err("it has at most 65535 bytes")
    } else if text.contains('\0') {
        Err("it has no NUL")
    } else {
        Ok(())
    }
}

/// The rule a string that must not be empty breaks, if any.
pub(crate) fn check_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is not empty");
    }
    check_string(text)
}

/// The rule a full module name breaks, if any.
pub(crate) fn check_module(name: &str) -> Result<(), &'static str> {
    check_text(name)?;
    if name.split('.').any(str::is_empty) {
        return Err("it has no empty component between dots");
    }
    Ok(())
}

/// The rule one component of a virtual path breaks, if any.
pub(crate) fn check_component(name: &str) -> Result<(), &'static str> {
    check_text(name)?;
    if name.contains('/') {
        return Err("a file name has no '/'");
    }
    if name == "." || name == ".." {
        return Err("a file name is neither '.' nor '..'");
    }
    Ok(())
}

/// The rule a virtual root breaks, if any.
pub(crate) fn check_root(root: &str) -> Result<(), &'static str> {
    check_text(root)?;
    if root.ends_with('/') {
        return Err("the virtual root does not end in '/'");
    }
    Ok(())
}

/// The part of a full virtual path below `root`, or the rule the path breaks. The root's own
/// path gives "".
pub(crate) fn below_root<'p>(root: &str, path: &'p str) -> Result<&'p str, &'static str> {
    check_text(path)?;
    let rest = path
        .strip_prefix(root)
        .ok_or("a path starts with the virtual root")?;
    if rest.is_empty() {
        return Ok("");
    }
    let rest = rest
        .strip_prefix('/')
        .ok_or("a path starts with the virtual root")?;
    rest.split('/').try_for_each(check_component)?;
    Ok(rest)
}

/// The rule a path relative to the executable breaks, if any.
pub(crate) fn check_relative(path: &str) -> Result<(), &'static str> {
    check_text(path)?;
    if path.split('/').any(|part| part.is_empty() || part == ".") {
        return Err("a relative path has no empty or '.' component");
    }
    Ok(())
}
