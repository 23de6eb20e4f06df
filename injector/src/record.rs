//! RECORD, which lists the files of a distribution as CSV: path, hash, size
//! (packaging.python.org, "Recording installed projects").

use csv::{ReaderBuilder, WriterBuilder};

/// Path and hash of each row. Files without a hash, such as RECORD itself, have an empty one.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = (String, String)> {
    let rows = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records();
    // The text is UTF-8, and rows of any length will do: no row is an error.
    rows.flatten().map(|row| {
        let field = |at| row.get(at).unwrap_or_default().to_owned();
        (field(0), field(1))
    })
}

/// The file with these rows.
pub(crate) fn write<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut writer = WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    for row in rows {
        // All rows have the same length, and memory takes everything.
        writer.write_record(row).expect("a row in memory");
    }
    let bytes = writer.into_inner().expect("a file in memory");
    String::from_utf8(bytes).expect("made of texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_and_quotation_marks() {
        let names = ["a.py", "b, c.py", "d \"e\".py", "f\ng.py", "ä.py"];
        let text = write(names.map(|name| [name.to_owned(), "sha256=x".to_owned()]));
        assert!(
            text.starts_with("a.py,sha256=x\n\"b, c.py\",sha256=x\n"),
            "{text}"
        );
        let read: Vec<_> = rows(&text).collect();
        assert_eq!(
            read,
            names.map(|name| (name.to_owned(), "sha256=x".to_owned()))
        );
    }

    #[test]
    fn rows_of_any_form() {
        let read: Vec<_> = rows("a\r\n\nb,,\n\"c\",h,1,2\n,\n\"d").collect();
        let expected = [("a", ""), ("b", ""), ("c", "h"), ("", ""), ("d", "")];
        assert_eq!(
            read,
            expected.map(|(path, hash)| (path.to_owned(), hash.to_owned()))
        );
    }
}
