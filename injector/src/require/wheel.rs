//! Wheels: checked, and unpacked into the cache once.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::digest::DynDigest;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zip::ZipArchive;

use super::{RequireError, WheelError};
use crate::cache::{self, Cache, Key};
use crate::mmap::Map;
use crate::python::Layout;
use crate::record;
use crate::regular;

const LIST: &str = "files.json";
/// The longest metadata that is read. The RECORD of a million files is less than half of it.
const TEXT_LIMIT: u64 = 256 << 20;

/// Where a file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Below site-packages.
    Site,
    /// Below the prefix.
    Prefix,
}

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::Site => "site",
            Place::Prefix => "prefix",
        }
    }
}

/// A file of an unpacked wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WheelFile {
    /// Where it belongs.
    pub place: Place,
    /// Path there.
    pub path: String,
    /// Its length.
    pub len: u64,
    /// SHA-256.
    pub digest: String,
    /// Whether anyone may execute it.
    pub executable: bool,
}

/// The tags in a wheel's file name.
pub(super) fn tags_of(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".whl")?;
    let (at, _) = stem.rmatch_indices('-').nth(2)?;
    Some(&stem[at + 1..])
}

/// The directory of an unpacked wheel and what is in it, if all of it is there.
pub(super) fn unpacked(cache: &Cache, digest: &str) -> Option<(PathBuf, Vec<WheelFile>)> {
    let place = cache.existing("wheels", digest)?;
    let list = regular::read(&place.join(LIST), regular::MOST_TEXT).ok()?;
    let files: Vec<WheelFile> = serde_json::from_slice(&list).ok()?;
    // Who cleans up a disk may have taken some of them.
    let is_there = |file: &WheelFile| {
        let path = place.join(file.place.name()).join(&file.path);
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == file.len)
    };
    files.iter().all(is_there).then_some((place, files))
}

/// Checks and unpacks. The answer is what [`unpacked`] knows it by.
pub(super) fn unpack(cache: &Cache, path: &Path, layout: &Layout) -> Result<String, RequireError> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let wheel_error = |source| RequireError::Wheel {
        wheel: name.clone(),
        source,
    };
    let bytes = Map::open(path).map_err(|error| wheel_error(error.into()))?;
    let key = Key::of(&[
        b"wheel 2",
        layout.site_packages.as_bytes(),
        &cache::fingerprint(&bytes),
    ]);
    let entry = key.to_string();
    if unpacked(cache, &entry).is_none()
        && let Some(remains) = cache.existing("wheels", &entry)
    {
        // Another process may do the same.
        let _ = fs::remove_dir_all(remains);
    }
    cache.directory("wheels", &key, |place| {
        unpack_into(&bytes, place, layout).map_err(wheel_error)
    })?;
    Ok(entry)
}

/// A member of RECORD: its hash and size, which signatures and RECORD itself lack.
type Record = BTreeMap<String, Option<String>>;

/// Checks a wheel's bytes and unpacks them into an empty directory.
///
/// # Errors
/// It is not a wheel that can be installed. What was unpacked before that was noticed is there.
pub fn unpack_into(bytes: &[u8], place: &Path, layout: &Layout) -> Result<(), WheelError> {
    let damaged = |error| WheelError::Archive(io::Error::other(error));
    let mut zip = ZipArchive::new(io::Cursor::new(bytes)).map_err(damaged)?;
    let mut members = BTreeMap::new();
    let mut compressed = 0u64;
    for index in 0..zip.len() {
        let member = zip.by_index(index).map_err(damaged)?;
        // Members that share their bytes would unpack to any size; apart from that, DEFLATE bounds
        // it, by a factor of 1,032.
        compressed = compressed.saturating_add(member.compressed_size());
        if compressed > bytes.len() as u64 {
            return Err(WheelError::Overlap);
        }
        let name = member.name().map_err(damaged)?.into_owned();
        if !is_safe(name.strip_suffix('/').unwrap_or(&name)) {
            return Err(WheelError::Name(name));
        }
        if !name.ends_with('/') && members.insert(name.clone(), index).is_some() {
            return Err(WheelError::Twice(name));
        }
    }
    let tops = members.keys().filter_map(|name| name.split_once('/'));
    let infos: BTreeSet<&str> = tops
        .map(|(top, _)| top)
        .filter(|top| top.ends_with(".dist-info"))
        .collect();
    let [info] = infos.into_iter().collect::<Vec<_>>()[..] else {
        return Err(WheelError::NoMetadata);
    };
    let info = info.to_owned();
    let mut text = |name: &str| -> Result<String, WheelError> {
        let index = members.get(name).ok_or(WheelError::NoMetadata)?;
        let mut text = String::new();
        let member = zip.by_index(*index).map_err(damaged)?;
        if member.size() > TEXT_LIMIT {
            return Err(WheelError::TooLong(name.to_owned()));
        }
        member.take(TEXT_LIMIT).read_to_string(&mut text)?;
        Ok(text)
    };
    let about = text(&format!("{info}/WHEEL"))?;
    let version = about
        .lines()
        .find_map(|line| line.strip_prefix("Wheel-Version:"));
    let version = version.unwrap_or_default().trim();
    if version.split('.').next() != Some("1") {
        return Err(WheelError::Version(version.to_owned()));
    }
    let record_name = format!("{info}/RECORD");
    let record = read_record(&text(&record_name)?)?;
    if let Some(name) = record.keys().find(|name| !members.contains_key(*name)) {
        return Err(WheelError::Absent(name.clone()));
    }

    let data = format!("{}.data/", info.trim_end_matches(".dist-info"));
    let project = info.split('-').next().unwrap_or_default();
    let mut files = Vec::new();
    for (name, index) in &members {
        if *name == record_name {
            continue;
        }
        let mut member = zip.by_index(*index).map_err(damaged)?;
        let executable = member.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let signature = [".jws", ".p7s"].map(|suffix| format!("{record_name}{suffix}"));
        let recorded = match record.get(name) {
            Some(Some(hash)) => Some(hash.as_str()),
            _ if signature.contains(name) => None,
            _ => return Err(WheelError::NotRecorded(name.clone())),
        };
        let (area, path) = destination(name, &data, project, layout);
        let script = area == Place::Prefix && path.starts_with(&format!("{}/", layout.scripts));
        let (file, hash) = write(
            place,
            area,
            path,
            &mut member,
            executable || script,
            recorded,
        )?;
        if recorded.is_some_and(|recorded| Some(recorded.trim_end_matches('=')) != hash.as_deref())
        {
            return Err(WheelError::Altered(name.clone()));
        }
        files.push(file);
    }
    let rows = installed_record(&files, &record_name, layout);
    for (path, content) in [
        (format!("{info}/INSTALLER"), "oxidize-inject\n".to_owned()),
        (record_name.clone(), rows),
    ] {
        if let Some(place_in_list) = files.iter().position(|file| file.path == path) {
            let replaced = files.remove(place_in_list);
            fs::remove_file(place.join(replaced.place.name()).join(&path))?;
        }
        let mut content = content.as_bytes();
        files.push(write(place, Place::Site, path, &mut content, false, None)?.0);
    }
    serde_json::to_writer(File::create(place.join(LIST))?, &files).map_err(io::Error::from)?;
    Ok(())
}

/// Whether a name stays below the directory it is unpacked into, on every system.
fn is_safe(name: &str) -> bool {
    !name.contains(['\\', ':', '\0'])
        && name
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

/// Where an installer puts a member.
fn destination(name: &str, data: &str, project: &str, layout: &Layout) -> (Place, String) {
    let Some((scheme, path)) = name
        .strip_prefix(data)
        .and_then(|rest| rest.split_once('/'))
    else {
        return (Place::Site, name.to_owned());
    };
    match scheme {
        "scripts" => (Place::Prefix, format!("{}/{path}", layout.scripts)),
        "data" => (Place::Prefix, path.to_owned()),
        "headers" => {
            let path = format!("{}/{project}/{path}", layout.headers);
            (Place::Prefix, path)
        }
        _ => (Place::Site, path.to_owned()),
    }
}

/// Writes a file. Answers with what there is to know about it, and its hash as RECORD has it, by
/// the algorithm that is recorded. The specification forbids those weaker than SHA-256.
fn write(
    place: &Path,
    area: Place,
    path: String,
    content: &mut dyn Read,
    executable: bool,
    recorded: Option<&str>,
) -> Result<(WheelFile, Option<String>), WheelError> {
    let to = place.join(area.name()).join(&path);
    // Two members with one place: by their schemes, or one is a directory of the other's name.
    let clash = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => WheelError::Twice(path.clone()),
        _ => WheelError::Archive(error),
    };
    fs::create_dir_all(to.parent().expect("it lies in a directory")).map_err(clash)?;
    let mut to = File::create_new(to).map_err(clash)?;
    let algorithm = recorded.and_then(|hash| hash.split_once('='));
    let algorithm = algorithm.map(|(algorithm, _)| algorithm);
    let mut stronger: Option<Box<dyn DynDigest>> = match algorithm {
        Some("sha384") => Some(Box::new(Sha384::new())),
        Some("sha512") => Some(Box::new(Sha512::new())),
        _ => None,
    };
    let mut sha256 = Sha256::new();
    let mut len = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let chunk = &buffer[..read];
        to.write_all(chunk)?;
        Digest::update(&mut sha256, chunk);
        if let Some(stronger) = &mut stronger {
            stronger.update(chunk);
        }
        len += read as u64;
    }
    let digest = Base64UrlUnpadded::encode_string(&sha256.finalize());
    let hash = match (algorithm, stronger) {
        (Some(algorithm), Some(stronger)) => Some((
            algorithm,
            Base64UrlUnpadded::encode_string(&stronger.finalize()),
        )),
        (Some("sha256"), None) => Some(("sha256", digest.clone())),
        _ => None,
    };
    let file = WheelFile {
        place: area,
        path,
        len,
        digest,
        executable,
    };
    Ok((
        file,
        hash.map(|(algorithm, hash)| format!("{algorithm}={hash}")),
    ))
}

/// RECORD as an installer leaves it: paths relative to site-packages.
fn installed_record(files: &[WheelFile], own: &str, layout: &Layout) -> String {
    let up = "../".repeat(layout.site_packages.split('/').count());
    let row = |file: &WheelFile| {
        let path = match file.place {
            Place::Site => file.path.clone(),
            Place::Prefix => format!("{up}{}", file.path),
        };
        [
            path,
            format!("sha256={}", file.digest),
            file.len.to_string(),
        ]
    };
    let own = [own.to_owned(), String::new(), String::new()];
    record::write(files.iter().map(row).chain([own]))
}

fn read_record(text: &str) -> Result<Record, WheelError> {
    let mut record = Record::new();
    for (path, hash) in record::rows(text) {
        let hash = Some(hash).filter(|hash| !hash.is_empty());
        if record.insert(path.clone(), hash).is_some() {
            return Err(WheelError::Twice(path));
        }
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use oxidize_format::Target;

    use super::*;
    use crate::python::Python;

    type Files<'a> = Vec<(&'a str, &'a str)>;

    /// A wheel of these files, with a RECORD that lists all but `unlisted`.
    fn wheel(files: &[(&str, &str)], unlisted: Option<&str>) -> Vec<u8> {
        let mut record = String::new();
        for (name, content) in files.iter().filter(|(name, _)| Some(*name) != unlisted) {
            let hash = Base64UrlUnpadded::encode_string(&Sha256::digest(content));
            record.push_str(&format!("\"{name}\",sha256={hash},{}\n", content.len()));
        }
        record.push_str("ham-1.dist-info/RECORD,,\n");
        let mut files = files.to_vec();
        files.push(("ham-1.dist-info/RECORD", &record));
        zipped(&files)
    }

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in files {
            let options = zip::write::SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Stored);
            zip.start_file(*name, options).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// A second member in the directory of a ZIP archive, with the first one's bytes.
    fn with_shared_member(zip: &[u8], first: &str, second: &str) -> Vec<u8> {
        let end = zip.len() - 22;
        let number = |at: usize| u32::from_le_bytes(zip[end + at..][..4].try_into().unwrap());
        let (size, start) = (number(12) as usize, number(16) as usize);
        let directory = &zip[start..start + size];
        let entry = &directory[..46 + first.len()];
        assert!(entry.ends_with(first.as_bytes()) && first.len() == second.len());
        let entry = [&entry[..46], second.as_bytes()].concat();
        let mut out = [&zip[..start], directory, &entry, &zip[end..]].concat();
        let end = out.len() - 22;
        out[end + 8] += 1;
        out[end + 10] += 1;
        let size = (size + entry.len()) as u32;
        out[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
        out
    }

    #[test]
    fn members_that_share_their_bytes_are_refused() {
        let long = "a".repeat(10_000);
        let shared = [("ham/a.py", &*long), ("ham/b.py", &*long)];
        let record = wheel(&ham(&shared), None);
        let mut zip = ZipArchive::new(io::Cursor::new(record)).unwrap();
        let mut text = String::new();
        let mut member = zip.by_name("ham-1.dist-info/RECORD").unwrap();
        member.read_to_string(&mut text).unwrap();
        let mut files = vec![("ham/a.py", &*long)];
        files.extend(ham(&[]));
        files.push(("ham-1.dist-info/RECORD", &text));
        let bytes = with_shared_member(&zipped(&files), "ham/a.py", "ham/b.py");
        let place = tempfile::tempdir().unwrap();
        let layout = Layout::of(Target::X86_64_LINUX_GNU, Python::OWN);
        assert!(matches!(
            unpack_into(&bytes, place.path(), &layout),
            Err(WheelError::Overlap)
        ));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    fn ham<'a>(more: &[(&'a str, &'a str)]) -> Files<'a> {
        let mut files = vec![
            ("ham/__init__.py", ""),
            ("ham-1.dist-info/METADATA", "Name: ham\nVersion: 1\n"),
            ("ham-1.dist-info/WHEEL", "Wheel-Version: 1.0\n"),
        ];
        files.extend(more);
        files
    }

    fn unpacked_files(bytes: &[u8]) -> Result<Vec<(Place, String)>, WheelError> {
        let dir = tempfile::tempdir().unwrap();
        unpack_into(
            bytes,
            dir.path(),
            &Layout::of(Target::X86_64_LINUX_GNU, Python::OWN),
        )?;
        let list = fs::read(dir.path().join(LIST)).unwrap();
        let files: Vec<WheelFile> = serde_json::from_slice(&list).unwrap();
        for file in &files {
            assert!(
                dir.path()
                    .join(file.place.name())
                    .join(&file.path)
                    .is_file()
            );
        }
        Ok(files
            .into_iter()
            .map(|file| (file.place, file.path))
            .collect())
    }

    #[test]
    fn files_go_where_an_installer_puts_them() {
        let files = ham(&[
            ("ham-1.data/data/share/ham/a.txt", "a"),
            ("ham-1.data/scripts/ham", "#!python\n"),
            ("ham-1.data/purelib/ham/pure.py", ""),
            ("ham-1.data/platlib/ham/plat.py", ""),
            ("ham-1.data/headers/ham.h", ""),
            ("a,b.py", ""),
        ]);
        let mut found = unpacked_files(&wheel(&files, None)).unwrap();
        found.retain(|(_, path)| !path.contains("dist-info"));
        let text = |(place, path): &(Place, String)| format!("{} {path}", place.name());
        let mut found: Vec<_> = found.iter().map(text).collect();
        found.sort();
        assert_eq!(
            found,
            [
                "prefix bin/ham",
                "prefix include/site/python3.13/ham/ham.h",
                "prefix share/ham/a.txt",
                "site a,b.py",
                "site ham/__init__.py",
                "site ham/plat.py",
                "site ham/pure.py",
            ]
        );
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "../x.py",
            "/x.py",
            "ham/../../x",
            "C:/x",
            "a\\b",
            "./x.py",
            "a//b",
        ] {
            let error = unpacked_files(&wheel(&ham(&[(name, "")]), None)).unwrap_err();
            assert!(
                matches!(error, WheelError::Name(found) if found == name),
                "{name}"
            );
        }
        // Out of the scheme's directory is out too.
        let files = ham(&[("ham-1.data/data/../../x", "")]);
        assert!(unpacked_files(&wheel(&files, None)).is_err());
    }

    #[test]
    fn record_and_files_must_agree() {
        let error = |bytes: &[u8]| unpacked_files(bytes).unwrap_err().to_string();
        let files = ham(&[("ham/x.py", "x")]);
        assert_eq!(
            error(&wheel(&files, Some("ham/x.py"))),
            "`ham/x.py` is not listed in its RECORD"
        );
        let mut bytes = wheel(&files, None);
        assert!(unpacked_files(&bytes).is_ok());
        let mut altered: Files<'_> = files.clone();
        let record = "ham/__init__.py,sha256=abc,0\nham-1.dist-info/METADATA,,\n";
        altered.push(("ham-1.dist-info/RECORD", record));
        assert_eq!(
            error(&zipped(&altered)),
            "`ham-1.dist-info/METADATA` is not listed in its RECORD"
        );
        altered.last_mut().unwrap().1 = "ham/gone.py,sha256=abc,0\n";
        assert_eq!(
            error(&zipped(&altered)),
            "its RECORD lists `ham/gone.py`, which is not in it"
        );
        altered.last_mut().unwrap().1 = "ham/x.py,md5=abc,0\nham/x.py,,\n";
        assert_eq!(error(&zipped(&altered)), "`ham/x.py` is in it twice");
        let end = bytes.len() - 30;
        bytes.truncate(end);
        assert_eq!(error(&bytes), "the archive is damaged");
    }

    #[test]
    fn two_members_have_two_places() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (
                &[("ham-1.data/purelib/ham/__init__.py", "x = 1")],
                "ham/__init__.py",
            ),
            (
                &[
                    ("ham-1.data/purelib/x.py", ""),
                    ("ham-1.data/platlib/x.py", ""),
                ],
                "x.py",
            ),
            (&[("eggs", ""), ("eggs/spam.py", "")], "eggs/spam.py"),
            (
                &[("ham-1.data/data/a/b", ""), ("ham-1.data/data/a", "")],
                "a/b",
            ),
        ];
        for (more, expected) in cases {
            match unpacked_files(&wheel(&ham(more), None)) {
                Err(WheelError::Twice(path)) => assert_eq!(path, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn names_are_utf_8_or_in_the_old_code_page() {
        let bytes = wheel(&ham(&[("ham/\u{e9}.txt", "x")]), None);
        let files = unpacked_files(&bytes).unwrap();
        assert!(files.iter().any(|(_, path)| path == "ham/\u{e9}.txt"));
        // The flag says UTF-8, and it is not.
        let mut broken = bytes;
        let name = "ham/\u{e9}.txt".as_bytes();
        let places: Vec<usize> = (0..broken.len() - name.len())
            .filter(|at| broken[*at..].starts_with(name))
            .collect();
        for at in places {
            broken[at + 4] = 0xff;
        }
        assert!(unpacked_files(&broken).is_err());
    }

    #[test]
    fn a_record_without_end_is_not_read() {
        let record = "x".repeat(64);
        let files = ham(&[("ham-1.dist-info/RECORD", &record)]);
        let mut bytes = zipped(&files);
        // The size in the central directory, of what is stored once read.
        let name = b"ham-1.dist-info/RECORD";
        let at = bytes
            .windows(name.len())
            .rposition(|bytes| bytes == name)
            .unwrap();
        bytes[at - 22..at - 18].copy_from_slice(&(TEXT_LIMIT as u32 + 1).to_le_bytes());
        let result = unpacked_files(&bytes);
        assert!(matches!(result, Err(WheelError::TooLong(_))), "{result:?}");
    }

    #[test]
    fn no_damage_panics_or_gets_out() {
        let good = wheel(&ham(&[("ham-1.data/data/x", "x")]), None);
        let outer = tempfile::tempdir().unwrap();
        let layout = &Layout::of(Target::X86_64_LINUX_GNU, Python::OWN);
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] = damaged[at].wrapping_add(1);
            let inner = outer.path().join(at.to_string());
            fs::create_dir(&inner).unwrap();
            let _ = unpack_into(&damaged, &inner, layout);
            let _ = unpack_into(&good[..at], &inner, layout);
            fs::remove_dir_all(&inner).unwrap();
            assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 0, "{at}");
        }
    }

    #[test]
    fn stronger_hashes_are_compared_too() {
        let content = "x = 1";
        let record = |hash: &str| format!("ham-1.dist-info/RECORD,,\nham/x.py,{hash},5\n");
        let sha512 = Base64UrlUnpadded::encode_string(&Sha512::digest(content));
        let sha384 = Base64UrlUnpadded::encode_string(&Sha384::digest(content));
        for (hash, fits) in [
            (format!("sha512={sha512}"), true),
            (format!("sha512={sha512}=="), true),
            (format!("sha384={sha384}"), true),
            (format!("sha384={sha512}"), false),
            (format!("sha256={sha512}"), false),
            ("md5=abc".to_owned(), false),
            ("abc".to_owned(), false),
        ] {
            let mut text = record(&hash);
            let mut files: Files<'_> = vec![("ham/x.py", content)];
            let rest = ham(&[]);
            for (name, content) in &rest {
                let digest = Base64UrlUnpadded::encode_string(&Sha256::digest(content));
                text.push_str(&format!("{name},sha256={digest},{}\n", content.len()));
            }
            files.extend(rest);
            files.push(("ham-1.dist-info/RECORD", &text));
            let result = unpacked_files(&zipped(&files));
            assert_eq!(result.is_ok(), fits, "{hash}: {result:?}");
        }
    }

    #[test]
    fn it_must_be_a_wheel_of_a_known_kind() {
        let error = |files: &[(&str, &str)]| unpacked_files(&wheel(files, None)).unwrap_err();
        assert!(matches!(error(&[("x.py", "")]), WheelError::NoMetadata));
        let two = ham(&[("spam-1.dist-info/METADATA", "")]);
        assert!(matches!(error(&two), WheelError::NoMetadata));
        let mut later = ham(&[]);
        later[2].1 = "Wheel-Version: 2.0\n";
        assert!(matches!(error(&later), WheelError::Version(version) if version == "2.0"));
    }

    #[test]
    fn what_is_no_longer_whole_is_unpacked_again() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache")).unwrap();
        let path = dir.path().join("ham-1-py3-none-any.whl");
        fs::write(&path, wheel(&ham(&[("ham/x.py", "x = 1")]), None)).unwrap();
        let layout = Layout::of(Target::X86_64_LINUX_GNU, Python::OWN);
        let digest = unpack(&cache, &path, &layout).unwrap();
        let file = unpacked(&cache, &digest).unwrap().0.join("site/ham/x.py");
        for damage in [
            |file: &Path| fs::remove_file(file),
            |file: &Path| fs::write(file, ""),
        ] {
            damage(&file).unwrap();
            assert!(unpacked(&cache, &digest).is_none());
            assert_eq!(unpack(&cache, &path, &layout).unwrap(), digest);
            assert!(unpacked(&cache, &digest).is_some());
            assert_eq!(fs::read_to_string(&file).unwrap(), "x = 1");
        }
    }

    #[test]
    fn tags_stand_at_the_end_of_the_name() {
        assert_eq!(tags_of("ham-1-py3-none-any.whl"), Some("py3-none-any"));
        assert_eq!(
            tags_of("a_b-1.0-2-cp39-abi3-win_amd64.whl"),
            Some("cp39-abi3-win_amd64")
        );
        assert_eq!(tags_of("ham.whl"), None);
        assert_eq!(tags_of("ham-1.zip"), None);
    }
}
