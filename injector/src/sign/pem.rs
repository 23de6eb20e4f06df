//! PEM: blocks of base64 between `-----BEGIN` and `-----END`.

use zeroize::Zeroizing;

/// The label and the bytes.
pub(crate) type Block = (String, Zeroizing<Vec<u8>>);

/// What stands between `-----BEGIN` and `-----END`, wherever it stands; `None` when there is
/// nothing of the kind.
pub(crate) fn blocks(bytes: &[u8]) -> Option<Vec<Block>> {
    // Comments around the blocks may be in any encoding.
    let text = String::from_utf8_lossy(bytes);
    let mut blocks = Vec::new();
    let mut rest = &*text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let label = rest[start + 11..].split("-----").next()?;
        let end_line = format!("-----END {label}-----");
        let end = start + rest[start..].find(&end_line)? + end_line.len();
        let (label, der) = der::pem::decode_vec(&rest.as_bytes()[start..end]).ok()?;
        blocks.push((label.to_owned(), Zeroizing::new(der)));
        rest = &rest[end..];
    }
    (!blocks.is_empty()).then_some(blocks)
}
