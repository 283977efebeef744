//! Names for addresses of code, from the symbol tables of the files that are mapped.
//!
//! The standard library names the frames of its own backtraces only, so this reads what it needs
//! itself: `/proc/self/maps` says which file an address comes from, and the file's ELF tables which
//! function it is in. Lines are not looked for, and neither is what was inlined; a file without a
//! symbol table (a stripped one) gives its name and the place in it, for `addr2line`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The program that runs, whatever has become of its path.
const PROGRAM: &str = "/proc/self/exe";
/// The longest name that is read; generics make long ones.
const NAME_MAX: usize = 4096;
/// The largest table that is read.
const TABLE_MAX: u64 = 1 << 28;

/// The function that each address is in, `function+0x12`, or `file+0x1234` where none is known.
pub(crate) fn names(addresses: &[usize]) -> Vec<String> {
    let program = fs::read_link(PROGRAM);
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mappings: Vec<Mapping<'_>> = maps.lines().filter_map(Mapping::parse).collect();
    let mut names: Vec<String> = addresses.iter().map(|address| format!("{address:#x}")).collect();
    let mut by_file: BTreeMap<&str, Vec<(usize, u64)>> = BTreeMap::new();
    for (index, &address) in addresses.iter().enumerate() {
        let mapping = mappings.iter().find(|mapping| mapping.range.contains(&address));
        if let Some(mapping) = mapping.filter(|mapping| mapping.path.starts_with('/')) {
            let offset = (address - mapping.range.start) as u64 + mapping.offset;
            by_file.entry(mapping.path).or_default().push((index, offset));
        }
    }
    for (path, wanted) in by_file {
        let file = path.rsplit('/').next().unwrap_or(path);
        // The program may have been replaced on disk, but not behind this name.
        let is_program = program.as_deref().is_ok_and(|program| program == Path::new(path));
        let opened = Elf::open(if is_program { PROGRAM } else { path });
        let found = opened.and_then(|elf| elf.functions(&wanted)).unwrap_or_default();
        for (index, offset) in wanted {
            names[index] = match found.get(&index) {
                Some((name, into)) => format!("{}+{into:#x}", plain(name)),
                None => format!("{file}+{offset:#x}"),
            };
        }
    }
    names
}

/// A line of `/proc/self/maps`.
struct Mapping<'a> {
    range: Range<usize>,
    offset: u64,
    path: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.splitn(6, ' ');
        let (start, end) = words.next()?.split_once('-')?;
        let hex = |text| usize::from_str_radix(text, 16).ok();
        let offset = u64::from_str_radix(words.nth(1)?, 16).ok()?;
        let path = words.nth(2)?.trim_start();
        Some(Mapping { range: hex(start)?..hex(end)?, offset, path })
    }
}

/// A 64-bit ELF file of this machine's byte order.
struct Elf {
    file: File,
    /// Where its code is in the file, and at which address it is linked: offset, size, address.
    segments: Vec<(u64, u64, u64)>,
    sections: Vec<Section>,
}

#[derive(Clone, Copy)]
struct Section {
    kind: u32,
    offset: u64,
    size: u64,
    link: u32,
}

const LOAD: u32 = 1;
const SYMBOLS: u32 = 2;
const DYNAMIC_SYMBOLS: u32 = 11;
const SYMBOL_SIZE: u64 = 24;
const FUNCTION: u8 = 2;

impl Elf {
    fn open(path: &str) -> io::Result<Elf> {
        let file = File::open(path)?;
        let mut header = [0; 64];
        file.read_exact_at(&mut header, 0)?;
        let order = if cfg!(target_endian = "little") { 1 } else { 2 };
        if header[..6] != [0x7f, b'E', b'L', b'F', 2, order] {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let programs = Table::read(&file, word(&header, 32), half(&header, 54), half(&header, 56))?;
        let loads = programs.entries().filter(|entry| int(entry, 0) == LOAD);
        let segments = loads.map(|entry| (word(entry, 8), word(entry, 32), word(entry, 16)));
        let sections = Table::read(&file, word(&header, 40), half(&header, 58), half(&header, 60))?;
        let sections = sections.entries().map(|entry| Section {
            kind: int(entry, 4),
            offset: word(entry, 24),
            size: word(entry, 32),
            link: int(entry, 40),
        });
        Ok(Elf { segments: segments.collect(), sections: sections.collect(), file })
    }

    /// The functions at the wanted places, each an index and an offset in the file: for the index,
    /// the name and how far into the function the place is.
    fn functions(&self, wanted: &[(usize, u64)]) -> io::Result<BTreeMap<usize, (String, u64)>> {
        let linked: Vec<(usize, u64)> = wanted
            .iter()
            .filter_map(|&(index, offset)| Some((index, self.linked_address(offset)?)))
            .collect();
        let mut found = BTreeMap::new();
        for kind in [SYMBOLS, DYNAMIC_SYMBOLS] {
            let Some(symbols) = self.sections.iter().find(|section| section.kind == kind) else {
                continue;
            };
            let Some(strings) = self.sections.get(symbols.link as usize) else { continue };
            let symbols =
                Table::read(&self.file, symbols.offset, SYMBOL_SIZE, symbols.size / SYMBOL_SIZE)?;
            for entry in symbols.entries() {
                let (start, size) = (word(entry, 8), word(entry, 16));
                if entry[4] & 15 != FUNCTION {
                    continue;
                }
                for &(index, address) in &linked {
                    if address.wrapping_sub(start) < size && !found.contains_key(&index) {
                        let name = self.text(strings.offset + u64::from(int(entry, 0)))?;
                        found.insert(index, (name, address - start));
                    }
                }
            }
        }
        Ok(found)
    }

    fn linked_address(&self, offset: u64) -> Option<u64> {
        let inside = |&&(from, size, _): &&(u64, u64, u64)| offset.wrapping_sub(from) < size;
        let (from, _, address) = self.segments.iter().find(inside)?;
        Some(offset - from + address)
    }

    /// The text at a place of the file, up to its zero.
    fn text(&self, offset: u64) -> io::Result<String> {
        let mut bytes = vec![0; NAME_MAX];
        let read = self.file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}

/// Entries of one size, one behind another.
struct Table {
    bytes: Vec<u8>,
    entry_size: usize,
}

impl Table {
    fn read(file: &File, offset: u64, entry_size: u64, count: u64) -> io::Result<Table> {
        let size = entry_size.saturating_mul(count);
        if size > TABLE_MAX || entry_size == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Table { bytes, entry_size: entry_size as usize })
    }

    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.entry_size)
    }
}

/// The number of `N` bytes at a place of an entry; zero beyond its end.
fn bytes_at<const N: usize>(entry: &[u8], at: usize) -> [u8; N] {
    entry.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

fn word(entry: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes_at(entry, at))
}

fn int(entry: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes_at(entry, at))
}

fn half(entry: &[u8], at: usize) -> u64 {
    u64::from(u16::from_ne_bytes(bytes_at(entry, at)))
}

/// A Rust name as it is written, from a symbol of the older mangling; any other as it is.
fn plain(symbol: &str) -> String {
    legacy(symbol).unwrap_or_else(|| symbol.to_owned())
}

/// `_ZN`, then parts, each behind its length, then `E`; the last part is a hash.
fn legacy(symbol: &str) -> Option<String> {
    let mut rest = symbol.strip_prefix("_ZN")?;
    let mut parts = Vec::new();
    while !rest.starts_with('E') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let length: usize = rest.get(..digits)?.parse().ok()?;
        parts.push(unescape(rest.get(digits..digits + length)?));
        rest = rest.get(digits + length..)?;
    }
    if parts.last().is_some_and(|hash| hash.len() == 17 && hash.starts_with('h')) {
        parts.pop();
    }
    Some(parts.join("::"))
}

fn unescape(part: &str) -> String {
    let part = part.strip_prefix('_').filter(|rest| rest.starts_with('$')).unwrap_or(part);
    let mut text = String::new();
    let mut rest = part;
    while let Some((before, behind)) = rest.split_once('$') {
        text.push_str(before);
        let Some((escape, behind)) = behind.split_once('$') else { break };
        rest = behind;
        match escape {
            "SP" => text.push('@'),
            "BP" => text.push('*'),
            "RF" => text.push('&'),
            "LT" => text.push('<'),
            "GT" => text.push('>'),
            "LP" => text.push('('),
            "RP" => text.push(')'),
            "C" => text.push(','),
            other => {
                let code =
                    other.strip_prefix('u').and_then(|hex| u32::from_str_radix(hex, 16).ok());
                text.extend(code.and_then(char::from_u32));
            }
        }
    }
    text.push_str(rest);
    text.replace("..", "::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_symbols_are_written_as_rust_names() {
        for (symbol, name) in [
            (
                "_ZN7annulus7runtime7Runtime8run_loop17hcb9ffa4b6df18eb7E",
                "annulus::runtime::Runtime::run_loop",
            ),
            (
                "_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0123456789abcdefE",
                "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
            ),
            ("_ZN4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE", "main::{{closure}}"),
            ("malloc", "malloc"),
            ("_ZN9", "_ZN9"),
            ("_RNvC5crate4name", "_RNvC5crate4name"),
        ] {
            assert_eq!(plain(symbol), name);
        }
    }

    #[test]
    fn a_line_of_the_map_is_read_with_spaces_in_its_path() {
        let line = "7f00-7fff r-xp 00001000 08:01 1234       /a path/of a file";
        let mapping = Mapping::parse(line).expect("a mapping");
        assert_eq!((mapping.range, mapping.offset), (0x7f00..0x7fff, 0x1000));
        assert_eq!(mapping.path, "/a path/of a file");
        assert_eq!(Mapping::parse("7f00-7fff rw-p 0 00:00 0 ").expect("one").path, "");
    }

    #[test]
    fn functions_of_this_program_are_found() {
        let here = older_symbols_are_written_as_rust_names as fn() as usize;
        let names = names(&[here, here + 1, 8]);
        assert!(names[0].contains("older_symbols_are_written_as_rust_names+0x0"), "{names:?}");
        assert!(names[1].ends_with("+0x1"), "{names:?}");
        assert_eq!(names[2], "0x8");
    }
}
