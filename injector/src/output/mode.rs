//! Who may do what with an output.
//!
//! A new output gets what a linker's would: everything that the umask allows. Nothing is taken over
//! from the stub, whose mode may be anybody's choice, the set-user-ID bit included. A file that is
//! rewritten in place keeps its mode, without the bits that lend its owner's rights, and its owner
//! and group where the system lets us give files away: root signs what stays its user's.

use std::fs::{File, Metadata};

/// The mode of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    bits: u32,
    /// The mode of a file before, which no umask had a say in.
    kept: bool,
    /// Whose the file before was: user and group.
    owner: Option<(u32, u32)>,
}

/// Executable by its owner.
const OWNER_EXECUTES: u32 = 0o100;

impl Mode {
    /// A new program. Its owner can start it, whatever the umask.
    #[must_use]
    pub fn program() -> Mode {
        Mode {
            bits: (0o777 & !umask()) | OWNER_EXECUTES,
            kept: false,
            owner: None,
        }
    }

    /// A new file that is no program.
    #[must_use]
    pub fn data() -> Mode {
        Mode {
            bits: 0o666 & !umask(),
            kept: false,
            owner: None,
        }
    }

    /// A program that takes the place of this one. Whoever may read one that nobody may start may
    /// start it now.
    #[must_use]
    pub fn of_replaced(file: &Metadata) -> Mode {
        let mut bits = mode_of(file) & 0o777;
        if bits & 0o111 == 0 {
            bits |= (bits & 0o444) >> 2 | OWNER_EXECUTES;
        }
        #[cfg(unix)]
        let owner = Some(owner_of(file));
        #[cfg(not(unix))]
        let owner = None;
        Mode {
            bits,
            kept: true,
            owner,
        }
    }

    /// What a file is created with. The system takes more away by the umask and by a directory's
    /// default access control list.
    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    /// Gives a file that was created with this mode what creation cannot. A file system without
    /// modes is content with what it has.
    pub(super) fn complete(self, file: &File) {
        #[cfg(unix)]
        {
            use std::fs::Permissions;
            use std::os::unix::fs::PermissionsExt;
            let Ok(found) = file.metadata() else { return };
            // Only root may give it to another user; others may give it to their groups.
            let owner = self.owner.filter(|owner| *owner != owner_of(&found));
            if let Some((user, group)) = owner
                && std::os::unix::fs::fchown(file, Some(user), Some(group)).is_err()
            {
                let _ = std::os::unix::fs::fchown(file, None, Some(group));
            }
            let found = mode_of(&found) & 0o7777;
            let wanted = if self.kept {
                self.bits
            } else {
                found | (self.bits & OWNER_EXECUTES)
            };
            if found != wanted {
                let _ = file.set_permissions(Permissions::from_mode(wanted));
            }
        }
        #[cfg(not(unix))]
        let _ = file;
    }
}

#[cfg(unix)]
fn mode_of(file: &Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&file.permissions())
}

#[cfg(unix)]
fn owner_of(file: &Metadata) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (file.uid(), file.gid())
}

/// Elsewhere a file's rights are its directory's.
#[cfg(not(unix))]
fn mode_of(_: &Metadata) -> u32 {
    0o777
}

/// The process's umask. It can only be read by setting it, so that is done once, and to the
/// strictest one: what another thread creates meanwhile is private and never public.
#[cfg(unix)]
fn umask() -> u32 {
    use rustix::fs::Mode;
    use std::sync::OnceLock;
    static UMASK: OnceLock<u32> = OnceLock::new();
    *UMASK.get_or_init(|| {
        let found = rustix::process::umask(Mode::from_raw_mode(0o077));
        rustix::process::umask(found);
        // `mode_t` is narrower on macOS.
        #[allow(clippy::useless_conversion)]
        u32::from(found.as_raw_mode())
    })
}

#[cfg(not(unix))]
fn umask() -> u32 {
    0
}

#[cfg(all(test, unix))]
mod tests {
    /// Only root can see it; as another user there is no other owner to be kept.
    #[test]
    fn a_replaced_file_keeps_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "").unwrap();
        let owner = if rustix::process::geteuid().is_root() {
            (1234, 5678)
        } else {
            owner_of(&fs::metadata(&path).unwrap())
        };
        std::os::unix::fs::chown(&path, Some(owner.0), Some(owner.1)).unwrap();
        let mode = Mode::of_replaced(&fs::metadata(&path).unwrap());
        let other = dir.path().join("g");
        mode.complete(&File::create(&other).unwrap());
        let found = fs::metadata(&other).unwrap();
        assert_eq!(owner_of(&found), owner);
        assert_eq!(mode_of(&found) & 0o7777, 0o755);
    }

    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_mode_but_for_borrowed_rights() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "").unwrap();
        for (before, after) in [
            (0o755, 0o755),
            (0o700, 0o700),
            (0o6755, 0o755),
            (0o644, 0o755),
            (0o600, 0o700),
            (0o664, 0o775),
            (0o711, 0o711),
            (0o200, 0o300),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            let mode = Mode::of_replaced(&fs::metadata(&path).unwrap());
            assert_eq!(mode.bits(), after, "{before:o}");
        }
    }
}
