//! The environment variables that the command reads, checked before it begins: where the library
//! could only do without, a misspelt one would have no effect.

use std::env;

use super::failure::Failure;

/// A failure for the first variable that does not say what it must.
pub(super) fn check() -> Result<(), Failure> {
    check_limit(env::var_os("OXIDIZE_CACHE_LIMIT").as_deref())?;
    match env::var_os("OXIDIZE_INDEX_URL") {
        Some(url) if url.to_str().is_none() => Err(not_an_url(&url)),
        _ => Ok(()),
    }
}

fn check_limit(limit: Option<&std::ffi::OsStr>) -> Result<(), Failure> {
    let Some(limit) = limit else { return Ok(()) };
    let limit = limit.to_string_lossy();
    // An empty one is none, as of the other variables.
    if limit.is_empty() || limit.parse::<u64>().is_ok() {
        return Ok(());
    }
    let message = format!("OXIDIZE_CACHE_LIMIT is `{limit}`, which is not a number of MiB");
    Err(Failure::new(message).hint(Some("`OXIDIZE_CACHE_LIMIT=4096` is the default, 4 GiB")))
}

fn not_an_url(url: &std::ffi::OsStr) -> Failure {
    let url = url.to_string_lossy();
    Failure::new(format!(
        "OXIDIZE_INDEX_URL is `{url}`, which is not an http or https URL"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers() {
        for (text, is_one) in [
            ("0", true),
            ("4096", true),
            ("", true),
            ("4G", false),
            ("-1", false),
        ] {
            let checked = check_limit(Some(text.as_ref()));
            assert_eq!(checked.is_ok(), is_one, "{text}");
        }
        assert!(check_limit(None).is_ok());
    }
}
