//! `multipart/form-data` held in memory: what uploads and form calls of official clients send.

/// One part of a form.
#[derive(Debug, PartialEq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    pub(crate) body: &'a [u8],
}

/// The parts of a body, or `None` when it is not a well-formed form.
pub(crate) fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let boundary = content_type
        .split(';')
        .find_map(|p| p.trim().strip_prefix("boundary="))?
        .trim_matches('"');
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(b"\r\n")
        .unwrap_or(body)
        .strip_prefix(first.as_bytes())?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let head_end = find(rest, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&rest[..head_end]);
        rest = &rest[head_end + 4..];
        let body_end = find(rest, next.as_bytes())?;
        parts.push(Part {
            name: name(&head)?,
            body: &rest[..body_end],
        });
        rest = &rest[body_end + next.len()..];
    }
    Some(parts)
}

fn name(head: &str) -> Option<String> {
    let disposition = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let value = disposition
        .split(';')
        .find_map(|p| p.trim().strip_prefix("name="))?;
    Some(value.trim_matches('"').to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // Boundaries start with a carriage return, which is rare: look for that first.
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|b| *b == needle[0]) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_binary() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n\x89\r\nPNG\r\n--x--\r\n";
        let parts = read("multipart/form-data; boundary=x", body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].name.as_str(), parts[0].body), ("a", b"1".as_slice()));
        assert_eq!(
            (parts[1].name.as_str(), parts[1].body),
            ("file", b"\x89\r\nPNG".as_slice())
        );
    }

    #[test]
    fn refuses_what_is_cut() {
        assert_eq!(
            read("multipart/form-data; boundary=x", b"--x\r\nContent-Dispo"),
            None
        );
        assert_eq!(read("multipart/form-data", b"--x--"), None);
        assert_eq!(
            read("multipart/form-data; boundary=x", b"--x--"),
            Some(Vec::new())
        );
    }
}
