//! The systems that programs are made for.
//!
//! A [`Target`] is an operating system, a processor and a C library. Everything that depends on one
//! of them and on nothing else is derived here: the triple, the container, file name suffixes,
//! platform tags.
//!
//! A blob names its target as text ([`crate::Blob::target`]), because a program of a later version
//! may be for a target that this version does not know. Text becomes a `Target` with
//! [`str::parse`].
//!
//! ```
//! use oxidize_format::target::{Container, OperatingSystem, Target};
//!
//! let target: Target = "x86_64-pc-windows-gnu".parse()?;
//! assert_eq!(target.os(), OperatingSystem::Windows);
//! assert_eq!(target.container(), Container::Pe);
//! assert_eq!(target.program_name("app"), "app.exe");
//! assert_eq!(target.to_string(), "x86_64-pc-windows-gnu");
//! assert!("riscv64gc-unknown-linux-gnu".parse::<Target>().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The oldest glibc that programs for it start with.
pub const OLDEST_GLIBC: (u32, u32) = (2, 17);
/// The musl that static programs contain.
pub const MUSL: (u32, u32) = (1, 2);
/// The oldest macOS that programs start on.
pub const OLDEST_MACOS: (u32, u32) = (11, 0);

/// An operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperatingSystem {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
}

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Processor {
    /// 64-bit Intel and AMD.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// Both of them, with a program for each in one file ([`Target::parts`]). Macs only.
    Universal2,
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CLibrary {
    /// GNU's, which the system has.
    Glibc,
    /// musl, linked into the program: such a program is static.
    Musl,
    /// Windows' universal C runtime.
    Ucrt,
    /// macOS' libSystem.
    LibSystem,
}

/// A format of executables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// 64-bit little-endian ELF.
    Elf,
    /// 64-bit Mach-O.
    MachO,
    /// 64-bit PE.
    Pe,
}

/// What a program is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    processor: Processor,
    c_library: CLibrary,
}

/// A text that names no target of this version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a target that can be packaged for")]
pub struct UnknownTarget(pub String);

impl OperatingSystem {
    /// Every system, in the order of the variants.
    pub const ALL: [OperatingSystem; 3] = [
        OperatingSystem::Linux,
        OperatingSystem::Windows,
        OperatingSystem::MacOs,
    ];

    /// What its executables and shared objects are.
    #[must_use]
    pub const fn container(self) -> Container {
        match self {
            OperatingSystem::Linux => Container::Elf,
            OperatingSystem::Windows => Container::Pe,
            OperatingSystem::MacOs => Container::MachO,
        }
    }
}

impl fmt::Display for OperatingSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OperatingSystem::Linux => "Linux",
            OperatingSystem::Windows => "Windows",
            OperatingSystem::MacOs => "macOS",
        })
    }
}

impl Container {
    /// The system whose executables these are.
    #[must_use]
    pub const fn os(self) -> OperatingSystem {
        match self {
            Container::Elf => OperatingSystem::Linux,
            Container::Pe => OperatingSystem::Windows,
            Container::MachO => OperatingSystem::MacOs,
        }
    }

    /// The container that a file's first bytes announce, of whatever word size and byte order
    /// (elf.h, Microsoft's PE format, mach-o/loader.h and fat.h). It takes four bytes to tell.
    #[must_use]
    pub fn announced(file: &[u8]) -> Option<Container> {
        match file.first_chunk()? {
            [0x7f, b'E', b'L', b'F'] => Some(Container::Elf),
            [b'M', b'Z', ..] => Some(Container::Pe),
            [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe | 0xbf] => {
                Some(Container::MachO)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Container::Elf => "ELF",
            Container::MachO => "Mach-O",
            Container::Pe => "PE",
        })
    }
}

impl Processor {
    /// The number that the headers of a container have for it. ELF: `e_machine`; PE: `Machine`;
    /// Mach-O: `cputype`. `None` for a universal file, whose programs have one each.
    #[must_use]
    pub const fn machine(self, container: Container) -> Option<u32> {
        match (container, self) {
            (Container::Elf, Processor::X86_64) => Some(62),
            (Container::Elf, Processor::Aarch64) => Some(183),
            (Container::Pe, Processor::X86_64) => Some(0x8664),
            (Container::Pe, Processor::Aarch64) => Some(0xaa64),
            (Container::MachO, Processor::X86_64) => Some(0x0100_0007),
            (Container::MachO, Processor::Aarch64) => Some(0x0100_000c),
            (_, Processor::Universal2) => None,
        }
    }

    /// The processor that a container's headers mean by this number.
    #[must_use]
    pub fn of_machine(container: Container, machine: u32) -> Option<Processor> {
        [Processor::X86_64, Processor::Aarch64]
            .into_iter()
            .find(|processor| processor.machine(container) == Some(machine))
    }

    /// As triples and Linux have it.
    const fn name(self) -> &'static str {
        match self {
            Processor::X86_64 => "x86_64",
            Processor::Aarch64 => "aarch64",
            Processor::Universal2 => "universal2",
        }
    }
}

impl Target {
    /// Linux with glibc, on an Intel or AMD processor.
    pub const X86_64_LINUX_GNU: Target = Target::new(Processor::X86_64, CLibrary::Glibc);
    /// Linux, static, on an Intel or AMD processor.
    pub const X86_64_LINUX_MUSL: Target = Target::new(Processor::X86_64, CLibrary::Musl);
    /// Linux with glibc, on Arm.
    pub const AARCH64_LINUX_GNU: Target = Target::new(Processor::Aarch64, CLibrary::Glibc);
    /// Linux, static, on Arm.
    pub const AARCH64_LINUX_MUSL: Target = Target::new(Processor::Aarch64, CLibrary::Musl);
    /// Windows on an Intel or AMD processor.
    pub const X86_64_WINDOWS: Target = Target::new(Processor::X86_64, CLibrary::Ucrt);
    /// Macs with Apple's processors.
    pub const AARCH64_MACOS: Target = Target::new(Processor::Aarch64, CLibrary::LibSystem);
    /// Macs with Intel's processors.
    pub const X86_64_MACOS: Target = Target::new(Processor::X86_64, CLibrary::LibSystem);
    /// Both kinds of Mac.
    pub const UNIVERSAL2_MACOS: Target = Target::new(Processor::Universal2, CLibrary::LibSystem);

    /// The targets that there are stubs for. A universal program consists of two of them.
    pub const ALL: [Target; 7] = [
        Target::X86_64_LINUX_GNU,
        Target::X86_64_LINUX_MUSL,
        Target::AARCH64_LINUX_GNU,
        Target::AARCH64_LINUX_MUSL,
        Target::X86_64_WINDOWS,
        Target::AARCH64_MACOS,
        Target::X86_64_MACOS,
    ];

    const fn new(processor: Processor, c_library: CLibrary) -> Target {
        Target {
            processor,
            c_library,
        }
    }

    /// The target with these parts, if there is one.
    #[must_use]
    pub fn of(processor: Processor, c_library: CLibrary) -> Option<Target> {
        let wanted = Target::new(processor, c_library);
        Target::known().find(|target| *target == wanted)
    }

    fn known() -> impl Iterator<Item = Target> {
        Target::ALL.into_iter().chain([Target::UNIVERSAL2_MACOS])
    }

    /// The operating system.
    #[must_use]
    pub const fn os(self) -> OperatingSystem {
        match self.c_library {
            CLibrary::Glibc | CLibrary::Musl => OperatingSystem::Linux,
            CLibrary::Ucrt => OperatingSystem::Windows,
            CLibrary::LibSystem => OperatingSystem::MacOs,
        }
    }

    /// The processor.
    #[must_use]
    pub const fn processor(self) -> Processor {
        self.processor
    }

    /// The C library.
    #[must_use]
    pub const fn c_library(self) -> CLibrary {
        self.c_library
    }

    /// Whether it is Windows.
    #[must_use]
    pub const fn is_windows(self) -> bool {
        matches!(self.os(), OperatingSystem::Windows)
    }

    /// Whether it is macOS.
    #[must_use]
    pub const fn is_macos(self) -> bool {
        matches!(self.os(), OperatingSystem::MacOs)
    }

    /// Whether its programs are static, and therefore load no shared objects.
    #[must_use]
    pub const fn is_static(self) -> bool {
        matches!(self.c_library, CLibrary::Musl)
    }

    /// What its executables and shared objects are.
    #[must_use]
    pub const fn container(self) -> Container {
        self.os().container()
    }

    /// The number that its executables and shared objects have for the processor
    /// ([`Processor::machine`]).
    #[must_use]
    pub const fn machine(self) -> Option<u32> {
        self.processor.machine(self.container())
    }

    /// The targets of the programs that make up one file for this target, in the order in which
    /// they lie in it.
    #[must_use]
    pub fn parts(self) -> Vec<Target> {
        match self.processor {
            Processor::Universal2 => vec![Target::X86_64_MACOS, Target::AARCH64_MACOS],
            _ => vec![self],
        }
    }

    /// The target with the same processor and system whose programs are static.
    #[must_use]
    pub fn statically(self) -> Option<Target> {
        match self.os() {
            OperatingSystem::Linux => Target::of(self.processor, CLibrary::Musl),
            _ => None,
        }
    }

    /// The triple, as Rust has it.
    #[must_use]
    pub const fn triple(self) -> &'static str {
        // Of what could be combined, only these exist.
        match (self.c_library, self.processor) {
            (CLibrary::Glibc, Processor::X86_64) => "x86_64-unknown-linux-gnu",
            (CLibrary::Glibc, _) => "aarch64-unknown-linux-gnu",
            (CLibrary::Musl, Processor::X86_64) => "x86_64-unknown-linux-musl",
            (CLibrary::Musl, _) => "aarch64-unknown-linux-musl",
            (CLibrary::Ucrt, _) => "x86_64-pc-windows-gnu",
            (CLibrary::LibSystem, Processor::X86_64) => "x86_64-apple-darwin",
            (CLibrary::LibSystem, Processor::Aarch64) => "aarch64-apple-darwin",
            (CLibrary::LibSystem, Processor::Universal2) => "universal2-apple-darwin",
        }
    }

    /// The file name of a program.
    #[must_use]
    pub fn program_name(self, stem: &str) -> String {
        match self.os() {
            OperatingSystem::Windows => format!("{stem}.exe"),
            OperatingSystem::Linux | OperatingSystem::MacOs => stem.to_owned(),
        }
    }

    /// Suffixes of extension modules that its interpreter loads (`_imp.extension_suffixes()`), the
    /// most specific first. A Python's tag is `313` for 3.13.
    #[must_use]
    pub fn extension_suffixes(self, python: &str) -> Vec<String> {
        let processor = self.processor.name();
        let own = match self.c_library {
            CLibrary::Glibc => format!(".cpython-{python}-{processor}-linux-gnu.so"),
            CLibrary::Musl => format!(".cpython-{python}-{processor}-linux-musl.so"),
            CLibrary::LibSystem => format!(".cpython-{python}-darwin.so"),
            CLibrary::Ucrt => {
                let own = format!(".cp{python}-{}.pyd", self.windows_platform());
                return vec![own, ".pyd".to_owned()];
            }
        };
        vec![own, ".abi3.so".to_owned(), ".so".to_owned()]
    }

    /// Platform tags of a wheel with a program for this target in it: what the program needs, and
    /// no more. A file name joins them with dots.
    #[must_use]
    pub fn wheel_platforms(self) -> Vec<String> {
        let processor = self.processor.name();
        match self.c_library {
            CLibrary::Glibc => {
                let (major, minor) = OLDEST_GLIBC;
                let oldest = format!("manylinux_{major}_{minor}_{processor}");
                vec![oldest, format!("manylinux2014_{processor}")]
            }
            CLibrary::Musl => {
                let (major, minor) = MUSL;
                vec![format!("musllinux_{major}_{minor}_{processor}")]
            }
            CLibrary::Ucrt => vec![self.windows_platform().to_owned()],
            CLibrary::LibSystem => {
                let (major, minor) = OLDEST_MACOS;
                let processor = match self.processor {
                    Processor::Aarch64 => "arm64",
                    other => other.name(),
                };
                vec![format!("macosx_{major}_{minor}_{processor}")]
            }
        }
    }

    const fn windows_platform(self) -> &'static str {
        match self.processor {
            Processor::Aarch64 => "win_arm64",
            Processor::X86_64 | Processor::Universal2 => "win_amd64",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.triple())
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Target, UnknownTarget> {
        Target::known()
            .find(|target| target.triple() == text)
            .ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_printed_and_parsed_as_one_triple() {
        let rest = |target: Target| match target.c_library() {
            CLibrary::Glibc => "unknown-linux-gnu",
            CLibrary::Musl => "unknown-linux-musl",
            CLibrary::Ucrt => "pc-windows-gnu",
            CLibrary::LibSystem => "apple-darwin",
        };
        for target in Target::known() {
            let triple = format!("{}-{}", target.processor().name(), rest(target));
            assert_eq!(target.triple(), triple);
            assert_eq!(target.to_string(), triple);
            assert_eq!(triple.parse(), Ok(target));
            assert_eq!(
                Target::of(target.processor(), target.c_library()),
                Some(target)
            );
            assert_eq!(target.os().container().os(), target.os());
        }
        assert_eq!(Target::of(Processor::Aarch64, CLibrary::Ucrt), None);
    }

    #[test]
    fn anything_else_is_refused_and_told_back() {
        for text in [
            "",
            "x86_64",
            "X86_64-unknown-linux-gnu",
            "x86_64-pc-windows-msvc",
            "a\0b",
        ] {
            assert_eq!(text.parse::<Target>(), Err(UnknownTarget(text.to_owned())));
        }
    }

    #[test]
    fn extension_suffixes_are_those_of_the_interpreter() {
        let of = |target: Target| target.extension_suffixes("313");
        assert_eq!(
            of(Target::AARCH64_LINUX_MUSL),
            [".cpython-313-aarch64-linux-musl.so", ".abi3.so", ".so"]
        );
        assert_eq!(of(Target::X86_64_WINDOWS), [".cp313-win_amd64.pyd", ".pyd"]);
        assert_eq!(
            of(Target::AARCH64_MACOS),
            [".cpython-313-darwin.so", ".abi3.so", ".so"]
        );
    }

    #[test]
    fn platform_tags_are_those_of_the_published_wheels() {
        let of = |target: Target| target.wheel_platforms().join(".");
        let expected = [
            "manylinux_2_17_x86_64.manylinux2014_x86_64",
            "musllinux_1_2_x86_64",
            "manylinux_2_17_aarch64.manylinux2014_aarch64",
            "musllinux_1_2_aarch64",
            "win_amd64",
            "macosx_11_0_arm64",
            "macosx_11_0_x86_64",
            "macosx_11_0_universal2",
        ];
        assert_eq!(Target::known().map(of).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn numbers_in_headers_lead_back_to_the_processor() {
        for target in Target::ALL {
            let machine = target.machine().unwrap();
            let found = Processor::of_machine(target.container(), machine);
            assert_eq!(found, Some(target.processor()));
        }
        assert_eq!(Target::UNIVERSAL2_MACOS.machine(), None);
        assert_eq!(Processor::of_machine(Container::Elf, 243), None);
    }
}
