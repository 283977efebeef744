//! Answers with a file.

use std::ops::Range;

use annulus::buf::IoBuf;
use annulus::{BufResult, try_join};

use crate::connection::{Connection, Cut};
use crate::files::{Content, Found, Version, Wanted};
use crate::request::Method;
use crate::response::{self, Connection as Fate, Head, Page};
use crate::status::Status;

/// How much of a file is read and written at a time.
const PART_BYTES: usize = 256 * 1024;

impl Connection {
    /// Appends the answer, and writes all that does not fit with others.
    pub(crate) async fn file(
        &mut self,
        wanted: Wanted,
        method: Method,
        fate: Fate,
    ) -> Result<(), Cut> {
        let content = match wanted.find().await {
            Ok(Found::Content(content)) => content,
            other => {
                self.without_content(other, method, fate);
                return Ok(());
            }
        };
        let is_part = content.part_of.is_some();
        let head = Head {
            status: if is_part { Status::PARTIAL_CONTENT } else { Status::OK },
            content_type: Some(content.content_type),
            content_length: Some(content.len),
            connection: fate,
        };
        self.begin(&head);
        let out = &mut self.output;
        response::field(out, "Accept-Ranges", "bytes");
        version_fields(out, &content.version);
        if let Some(whole) = content.part_of {
            let last = content.begin + content.len - 1;
            let range = format!("bytes {}-{last}/{whole}", content.begin);
            response::field(out, "Content-Range", &range);
        }
        response::end(out);
        let is_empty = content.len == 0 || method == Method::Head;
        if is_empty { Ok(()) } else { self.send(&content).await }
    }

    fn without_content(&mut self, found: Result<Found, Status>, method: Method, fate: Fate) {
        let mut page = Page::of_status(Status::OK, fate);
        page.has_body = method != Method::Head;
        let text;
        match found {
            Err(status) => page.set_status(status),
            Ok(Found::Directory(location)) => {
                text = location;
                page.set_status(Status::MOVED_PERMANENTLY);
                page.field = Some(("Location", &text));
            }
            Ok(Found::NotSatisfiable(whole)) => {
                text = format!("bytes */{whole}");
                page.set_status(Status::RANGE_NOT_SATISFIABLE);
                page.field = Some(("Content-Range", &text));
            }
            Ok(Found::NotModified(version)) => {
                let status = Status::NOT_MODIFIED;
                let (content_type, content_length) = (None, None);
                self.begin(&Head { status, content_type, content_length, connection: fate });
                version_fields(&mut self.output, &version);
                response::end(&mut self.output);
                return;
            }
            Ok(Found::Content(_)) => unreachable!("a file that was found is sent"),
        }
        self.append(&page);
    }

    /// Sends a file behind its head. The last part, which is the only one of a small file, is left
    /// to be written with other answers.
    async fn send(&mut self, content: &Content) -> Result<(), Cut> {
        let mut left = content.begin..content.begin + content.len;
        let mut part = append(content, std::mem::take(&mut self.output), &mut left).await?;
        let mut spare = Vec::new();
        while !left.is_empty() {
            // One part is read while the part before it is written.
            (spare, part) = try_join!(self.write(part), append(content, spare, &mut left))?;
        }
        self.server.give_buffer(spare);
        self.output = part;
        Ok(())
    }
}

/// Appends the next part of a file to what is to be written.
async fn append(
    content: &Content,
    mut out: Vec<u8>,
    left: &mut Range<u64>,
) -> Result<Vec<u8>, Cut> {
    let (out_len, left_len) = (out.len(), left.end - left.start);
    let room = PART_BYTES.min(usize::try_from(left_len).unwrap_or(PART_BYTES));
    out.reserve(room);
    let part = out.slice(out_len..out_len + room);
    let BufResult(read, part) = content.file.read_at(part, left.start).await;
    match read {
        Ok(count @ 1..) => {
            left.start += count as u64;
            Ok(part.into_inner())
        }
        // The file became shorter than was promised, or cannot be read: the client sees that in a
        // connection which ends early.
        _ => Err(Cut::Gone),
    }
}

fn version_fields(out: &mut Vec<u8>, version: &Version) {
    response::field(out, "ETag", &version.etag);
    response::field(out, "Last-Modified", &httpdate::fmt_http_date(version.modified));
}
