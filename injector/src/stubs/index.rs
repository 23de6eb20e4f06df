//! A project's page on a package index: HTML as PEP 503 describes it, or JSON as PEP 691 does.

use html5gum::{Token, Tokenizer};
use serde::Deserialize;

use super::manifest::Sha256Sum;
use crate::http::{self, Url};

/// What is asked for: JSON rather than HTML, and old servers send HTML whatever is asked.
pub const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
/// No page is longer, in bytes.
pub const MAX_PAGE: u64 = 16 << 20;

/// No address of a page that is meant is longer, in bytes.
const LONGEST_BASE: usize = 4096;

/// A file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: Url,
    /// What the index says its digest is.
    pub sha256: Option<Sha256Sum>,
}

/// Reads a page that came from `url`, one link at a time. Links that lead nowhere are left out.
///
/// # Errors
/// The page is of no known kind or malformed, in words.
pub fn links<'p>(
    page: &'p [u8],
    media_type: &str,
    url: &Url,
) -> Result<Box<dyn Iterator<Item = Link> + 'p>, String> {
    if media_type == "application/json" || media_type.ends_with("+json") {
        Ok(Box::new(from_json(page, url.clone())?))
    } else if media_type == "text/html" || media_type.ends_with("+html") {
        Ok(Box::new(from_html(page, url.clone())))
    } else {
        Err(format!(
            "it is {media_type:?}, neither JSON nor HTML of a package index"
        ))
    }
}

#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

fn from_json(page: &[u8], base: Url) -> Result<impl Iterator<Item = Link> + use<>, String> {
    let page: Page = serde_json::from_slice(page).map_err(|error| error.to_string())?;
    let link = move |file: PageFile| {
        Some(Link {
            name: file.filename,
            url: base.join(&file.url).ok()?,
            sha256: file
                .hashes
                .get("sha256")
                .and_then(|sum| Sha256Sum::parse(sum)),
        })
    };
    Ok(page.files.into_iter().filter_map(link))
}

fn from_html(page: &[u8], mut base: Url) -> impl Iterator<Item = Link> {
    let tags = Tokenizer::new(page).map_while(|token| match token {
        Ok(Token::StartTag(tag)) => Some(Some(tag)),
        Ok(_) => Some(None),
    });
    tags.flatten().filter_map(move |tag| {
        let href = tag.attributes.get(&b"href"[..])?;
        let href = std::str::from_utf8(href).ok()?;
        match &**tag.name {
            // Every link is joined to it.
            b"base" if href.len() <= LONGEST_BASE => {
                if let Ok(joined) = base.join(href) {
                    base = joined;
                }
                None
            }
            b"a" => base.join(href.trim()).ok().and_then(link),
            _ => None,
        }
    })
}

fn link(mut url: Url) -> Option<Link> {
    let sha256 = url.fragment().and_then(|fragment| {
        let sums = fragment
            .split('&')
            .filter_map(|part| part.strip_prefix("sha256="));
        sums.filter_map(Sha256Sum::parse).next()
    });
    url.set_fragment(None);
    Some(Link {
        name: http::file_name(&url)?,
        url,
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str, media_type: &str) -> Vec<(String, String, bool)> {
        let url = Url::parse("https://h.example/simple/p/").unwrap();
        let links = links(page.as_bytes(), media_type, &url).unwrap();
        let tell = |link: Link| (link.name, link.url.to_string(), link.sha256.is_some());
        links.map(tell).collect()
    }

    #[test]
    fn html() {
        let sum = "0".repeat(64);
        let page = format!(
            r##"<!DOCTYPE html><html><body><h1>p</h1>
            <a href="../../packages/p-1.whl#sha256={sum}" data-yanked="">p-1.whl</a><br/>
            <!-- <a href="no.whl">no</a> --><A HREF='https://f.example/p%2B2.whl?a=1&amp;b=2#md5=0'>x</A>
            <a name="nothing">z</a><a href="http://[">broken</a><a href="/dir/">dir</a>"##
        );
        let wanted = [
            (
                "p-1.whl".to_owned(),
                "https://h.example/packages/p-1.whl".to_owned(),
                true,
            ),
            (
                "p+2.whl".to_owned(),
                "https://f.example/p%2B2.whl?a=1&b=2".to_owned(),
                false,
            ),
        ];
        assert_eq!(read(&page, "text/html"), wanted);
        let page = format!("<base href='https://o.example/x/'>{page}");
        assert_eq!(
            read(&page, "application/vnd.pypi.simple.v1+html")[0].1,
            "https://o.example/packages/p-1.whl"
        );
    }

    #[test]
    fn json() {
        let sum = "a".repeat(64);
        let page = format!(
            r#"{{"meta": {{"api-version": "1.1"}}, "name": "p", "files": [
                {{"filename": "p-1.whl", "url": "../f/p-1.whl", "hashes": {{"sha256": "{sum}"}}, "yanked": false}},
                {{"filename": "p-2.whl", "url": "https://f.example/p-2.whl", "hashes": {{}}}}]}}"#
        );
        let wanted = [
            (
                "p-1.whl".to_owned(),
                "https://h.example/simple/f/p-1.whl".to_owned(),
                true,
            ),
            (
                "p-2.whl".to_owned(),
                "https://f.example/p-2.whl".to_owned(),
                false,
            ),
        ];
        assert_eq!(read(&page, "application/vnd.pypi.simple.v1+json"), wanted);
    }

    #[test]
    fn what_is_no_page_is_told() {
        let url = Url::parse("https://h.example/").unwrap();
        assert!(links(b"", "image/png", &url).is_err());
        assert!(links(b"{}", "application/json", &url).is_err());
        let nothing = links(b"\xff<a href=\xff>", "text/html", &url).unwrap();
        assert_eq!(nothing.count(), 0);
    }

    #[test]
    fn a_base_without_end_is_none() {
        // It would be copied for every link of the page.
        let page = format!(
            "<base href='/{}/'>{}",
            "x".repeat(1 << 20),
            "<a href='p.whl'>".repeat(1000)
        );
        let found = read(&page, "text/html");
        assert_eq!(found.len(), 1000);
        assert!(
            found
                .iter()
                .all(|link| link.1 == "https://h.example/simple/p/p.whl")
        );
    }
}
