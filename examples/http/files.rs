//! Finds the file that a request asks for, and what of it is to be sent.
//!
//! A path is decoded, then taken apart: a part that begins with a dot is not served, which keeps
//! `..` and hidden files out, however they are written. Symbolic links are followed as the file
//! system says: what the directory links to is served.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use annulus::fs::{self, File, Metadata};

use crate::range::{self, Selection};
use crate::request::{Conditions, Method, Request};
use crate::status::Status;

/// Longer names and paths exist nowhere.
const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4095 - "/index.html".len();

/// A directory that is served.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
}

/// A file that a request asks for; the bytes of the request are not needed any more.
#[derive(Debug)]
pub(crate) struct Wanted {
    path: PathBuf,
    /// How much of it is the directory that is served.
    root_len: usize,
    /// Whether the request's path ends with a slash, as those of directories do.
    is_directory: bool,
    method: Method,
    range: Option<Box<[u8]>>,
    if_range: Option<Box<[u8]>>,
    if_none_match: Option<Box<[u8]>>,
    if_modified_since: Option<Box<[u8]>>,
}

/// What there is to say to that.
#[derive(Debug)]
pub(crate) enum Found {
    Content(Content),
    /// The client has the file as it is.
    NotModified(Version),
    /// No byte of the file is in the range; it has this many.
    NotSatisfiable(u64),
    /// It is a directory, to be asked for with a slash at the end, as here.
    Directory(String),
}

/// A file, or a part of it.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) file: File,
    pub(crate) content_type: &'static str,
    pub(crate) version: Version,
    pub(crate) begin: u64,
    pub(crate) len: u64,
    /// The length of the whole file, if this is a part.
    pub(crate) part_of: Option<u64>,
}

/// What tells the contents of a file at two times apart.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) etag: String,
    pub(crate) modified: SystemTime,
}

impl Files {
    /// Serves a directory.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn new(root: PathBuf) -> io::Result<Files> {
        let told = |error: io::Error| {
            let text = format!("cannot serve the directory {}: {error}", root.display());
            io::Error::new(error.kind(), text)
        };
        if !std::fs::metadata(&root).map_err(told)?.is_dir() {
            return Err(told(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Files { root })
    }

    /// Reads from a request which file it asks for.
    ///
    /// # Errors
    ///
    /// 400 for a path that is none, 404 for one that is not served.
    pub(crate) fn want(&self, request: &Request<'_>) -> Result<Wanted, Status> {
        let Conditions { range, if_range, if_none_match, if_modified_since } = request.conditions;
        let kept = |value: Option<&[u8]>| value.map(Box::from);
        Ok(Wanted {
            path: locate(&self.root, request.path)?,
            root_len: self.root.as_os_str().len(),
            is_directory: request.path.ends_with('/'),
            method: request.framing.method,
            range: kept(range),
            if_range: kept(if_range),
            if_none_match: kept(if_none_match),
            if_modified_since: kept(if_modified_since),
        })
    }
}

impl Wanted {
    /// Opens the file and decides what of it is sent.
    ///
    /// # Errors
    ///
    /// The status that tells why there is nothing to send.
    pub(crate) async fn find(mut self) -> Result<Found, Status> {
        if self.is_directory {
            self.path.push("index.html");
        }
        // Asked before it is opened: opening a pipe waits for somebody who writes to it.
        let metadata = fs::metadata(&self.path).await.map_err(|error| status_of(&error))?;
        if metadata.is_dir() && !self.is_directory {
            return Ok(Found::Directory(self.location()));
        }
        if !metadata.is_file() {
            return Err(Status::NOT_FOUND);
        }
        let file = File::open(&self.path).await.map_err(|error| status_of(&error))?;
        let metadata = file.metadata().await.map_err(|error| status_of(&error))?;
        let version = Version::of(&metadata);
        if self.is_known(&version) {
            return Ok(Found::NotModified(version));
        }
        let whole = metadata.len();
        let (begin, len, part_of) = match self.selection(&version, whole) {
            Selection::Whole => (0, whole, None),
            Selection::Part { begin, len } => (begin, len, Some(whole)),
            Selection::None => return Ok(Found::NotSatisfiable(whole)),
        };
        let content_type = content_type(&self.path);
        Ok(Found::Content(Content { file, content_type, version, begin, len, part_of }))
    }

    /// The path of a directory, written anew: what came could name another host.
    fn location(&self) -> String {
        let mut location = String::from("/");
        let path = &self.path.as_os_str().as_bytes()[self.root_len..];
        for &byte in path.strip_prefix(b"/").unwrap_or(path) {
            if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
                location.push(char::from(byte));
            } else {
                location.push_str(&format!("%{byte:02X}"));
            }
        }
        location.push('/');
        location
    }

    /// Whether the client has that version.
    fn is_known(&self, version: &Version) -> bool {
        if let Some(known) = &self.if_none_match {
            let strong =
                |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag) == version.etag.as_bytes();
            let mut tags = known.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            return tags.any(|tag| tag == b"*" || strong(tag));
        }
        let since = self.if_modified_since.as_deref().and_then(parse_date);
        since.is_some_and(|since| seconds(version.modified) <= seconds(since))
    }

    fn selection(&self, version: &Version, whole: u64) -> Selection {
        let Some(range) = &self.range else { return Selection::Whole };
        if self.method != Method::Get {
            return Selection::Whole;
        }
        let is_current = match self.if_range.as_deref() {
            None => true,
            Some(tag) if tag.ends_with(b"\"") => tag == version.etag.as_bytes(),
            Some(date) => {
                parse_date(date).is_some_and(|date| seconds(date) == seconds(version.modified))
            }
        };
        if is_current { range::select(range, whole) } else { Selection::Whole }
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Version {
        let now = SystemTime::now();
        // A file from the future counts as new: a date to come means nothing to a client.
        let modified = metadata.modified().map_or(now, |modified| modified.min(now));
        let ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Version { etag: format!("\"{:x}-{:x}\"", metadata.len(), ns), modified }
    }
}

/// The file in `root` that `path` names.
fn locate(root: &Path, path: &str) -> Result<PathBuf, Status> {
    let decoded = decode(path)?;
    let mut file = root.to_path_buf();
    for part in decoded.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        if part.starts_with(b".") || part.len() > NAME_BYTES_MAX {
            return Err(Status::NOT_FOUND);
        }
        file.push(OsStr::from_bytes(part));
    }
    if file.as_os_str().len() > PATH_BYTES_MAX { Err(Status::NOT_FOUND) } else { Ok(file) }
}

/// Replaces each `%` and two hexadecimal digits by the byte that they stand for.
fn decode(path: &str) -> Result<Vec<u8>, Status> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
            let (high, low) = (digit(), digit());
            high.zip(low).map(|(high, low)| (high * 16 + low) as u8).ok_or(Status::BAD_REQUEST)?
        } else {
            byte
        };
        if byte == 0 {
            return Err(Status::BAD_REQUEST);
        }
        decoded.push(byte);
    }
    Ok(decoded)
}

fn status_of(error: &io::Error) -> Status {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound, PermissionDenied};
    match error.kind() {
        NotFound | NotADirectory | InvalidInput => Status::NOT_FOUND,
        PermissionDenied => Status::FORBIDDEN,
        // Too many open files, as a rule: it may be better in a moment.
        _ => Status::SERVICE_UNAVAILABLE,
    }
}

fn parse_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "txt" | "md" | "rs" | "toml" | "log" => "text/plain; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "xml" => "application/xml",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}
