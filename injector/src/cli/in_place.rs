//! Programs that are rewritten where they are.

use std::path::Path;

use super::failure::Failure;
use oxidize_inject::internal::output::{self, OutputError, mode::Mode};

/// Where the result of `sign` and `remove` goes.
pub(super) struct InPlace<'a> {
    /// The program.
    file: &'a Path,
    /// What is known of it; `None` when the result goes elsewhere.
    there: Option<output::InPlace>,
}

impl<'a> InPlace<'a> {
    /// The result takes the program's place unless there is an output. Links to it are followed and
    /// stay. An output that is the program by another name is refused.
    pub(super) fn of(
        file: &'a Path,
        output: Option<&Path>,
        doing: &str,
    ) -> Result<InPlace<'a>, Failure> {
        let failed = |error: &OutputError| {
            Failure::because(format!("cannot {doing} `{}`", file.display()), error)
        };
        if let Some(output) = output.filter(|output| *output != file) {
            // Over a link of either kind, one of the two names would lead to something else then.
            output::check_inputs(output, [file]).map_err(|error| {
                failed(&error).hint(Some("leave out `--output` to rewrite it where it is"))
            })?;
            return Ok(InPlace { file, there: None });
        }
        let there = output::in_place(file).map_err(|error| failed(&error))?;
        Ok(InPlace {
            file,
            there: Some(there),
        })
    }

    /// The file to read: where it is rewritten, the one that a link led to when it was looked at.
    /// If somebody turns the link around meanwhile, no other file is overwritten.
    pub(super) fn source(&self) -> &Path {
        self.there.as_ref().map_or(self.file, |there| &there.path)
    }

    /// The file to write.
    pub(super) fn path<'p>(&'p self, output: Option<&'p Path>) -> &'p Path {
        let there = self.there.as_ref().map(|there| there.path.as_path());
        there.or(output).unwrap_or(self.file)
    }

    /// Its mode.
    pub(super) fn mode(&self) -> Mode {
        self.there
            .as_ref()
            .map_or_else(Mode::program, |there| there.mode)
    }

    /// What there is to say of names that still lead to the old file.
    pub(super) fn warning(&self) -> Option<String> {
        let there = self.there.as_ref()?;
        let file = self.file.display();
        there
            .has_other_names
            .then(|| format!("`{file}` has other hard links, which still lead to the file it was"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_program_by_another_name_is_no_output() {
        let dir = tempfile::tempdir().unwrap();
        let [file, hard, soft, other] =
            ["file", "hard", "soft", "other"].map(|name| dir.path().join(name));
        std::fs::write(&file, "").unwrap();
        std::fs::hard_link(&file, &hard).unwrap();
        symlink(&file, &soft).unwrap();
        for (file, output) in [
            (&file, &hard),
            (&file, &soft),
            (&soft, &file),
            (&hard, &file),
        ] {
            assert!(InPlace::of(file, Some(output), "read").is_err());
        }
        for output in [&file, &other] {
            let allowed = InPlace::of(&file, Some(output), "read").unwrap();
            assert_eq!(allowed.path(Some(output)), output);
        }
    }

    #[test]
    fn a_link_that_is_turned_around_leads_nowhere_new() {
        let dir = tempfile::tempdir().unwrap();
        let place = std::fs::canonicalize(dir.path()).unwrap();
        let [first, second, link] = ["first", "second", "link"].map(|name| place.join(name));
        std::fs::write(&first, "").unwrap();
        std::fs::write(&second, "").unwrap();
        symlink(&first, &link).unwrap();
        let in_place = InPlace::of(&link, None, "sign").unwrap();
        std::fs::remove_file(&link).unwrap();
        symlink(&second, &link).unwrap();
        assert_eq!(in_place.source(), first);
        assert_eq!(in_place.path(None), first);
    }
}
