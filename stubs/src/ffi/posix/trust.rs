//! Where OpenSSL looks for certificates when nobody told it.
//!
//! Linux distributions keep their CA bundle in different places, and one executable must find it in
//! all of them. OpenSSL asks six functions for its compiled-in defaults (`crypto/x509/x509_def.c`);
//! these take their place. They probe when a program first loads default certificates, so a program
//! without TLS pays nothing, and they touch no environment variable, so children are not affected.
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` win, as OpenSSL does that itself.

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bundles of the common distributions, most common first (the list Go's crypto/x509 root_linux.go
/// and rustls-native-certs' openssl-probe agree on).
const FILES: [&CStr; 7] = [
    c"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo, Alpine
    c"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    c"/etc/ssl/ca-bundle.pem",             // openSUSE
    c"/etc/pki/tls/cacert.pem",            // OpenELEC
    c"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL 7
    c"/etc/ssl/cert.pem",                  // Alpine, macOS, BSD
    c"/etc/ssl/certs/ca-bundle.crt",       // NixOS
];

/// Directories with hashed names, where the system keeps such.
const DIRECTORIES: [&CStr; 2] = [c"/etc/ssl/certs", c"/etc/pki/tls/certs"];

/// Whether the places of other distributions are tried; without it, only where OpenSSL itself would
/// look.
static PROBING: AtomicBool = AtomicBool::new(true);

/// Acts on the run configuration. Before Python starts.
pub(crate) fn set_probing(on: bool) {
    PROBING.store(on, Ordering::Relaxed);
}

fn first(candidates: &'static [&'static CStr], fallback: &'static CStr) -> &'static CStr {
    if !PROBING.load(Ordering::Relaxed) {
        return fallback;
    }
    // SAFETY: NUL-terminated constants.
    candidates
        .iter()
        .copied()
        .find(|path| unsafe { libc::access(path.as_ptr(), libc::R_OK) == 0 })
        .unwrap_or(fallback)
}

#[unsafe(no_mangle)]
extern "C" fn X509_get_default_private_dir() -> *const c_char {
    c"/etc/ssl/private".as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn X509_get_default_cert_area() -> *const c_char {
    c"/etc/ssl".as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn X509_get_default_cert_dir() -> *const c_char {
    first(&DIRECTORIES, c"/etc/ssl/certs").as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn X509_get_default_cert_file() -> *const c_char {
    first(&FILES, c"/etc/ssl/cert.pem").as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn X509_get_default_cert_dir_env() -> *const c_char {
    c"SSL_CERT_DIR".as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn X509_get_default_cert_file_env() -> *const c_char {
    c"SSL_CERT_FILE".as_ptr()
}
