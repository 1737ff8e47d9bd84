//! Whose files are these, and how is one replaced?
//!
//! `<directory>/<two hex digits of a hash of the name>/<name>`. A file is written beside the one it
//! replaces and renamed over it, so that whoever reads meets the old one or the new one. Every step
//! below the directory goes by descriptor and follows no link: who may write here must not lead a
//! process of another user elsewhere.

use super::entry::{self, KeptPolicy, MEMORY_MARK, Memory, SERVER_MARK};
use crate::dns::self_test::WITHHELD;
use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::{Mode, freshness};
use ring::digest::{SHA256, digest};
use rustix::fs::{self, AtFlags, FileType, Mode as Bits, OFlags};
use rustix::io::Errno;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::SystemTime;

/// Files in each of the 256 directories, at most.
pub const MOST_FILES: usize = 512;

/// Octets in each of the 256 directories, at most.
pub const MOST_OCTETS: u64 = 4 * 1024 * 1024;

/// A directory of files, and whose files count there.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// Besides our own.
    pub(super) owners: Vec<u32>,
}

/// Why a file does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disbelief {
    /// Something else than a file has its name.
    NotAFile,
    /// It is that of a user whose files do not count.
    Owner(u32),
    /// Others may write into it, or it is under another name too.
    Shared,
    /// It is larger than anything that is kept.
    TooLarge,
    /// It does not hold what its checksum says, or is for another domain.
    Torn,
    /// It cannot be read.
    Unreadable(Errno),
}

impl fmt::Display for Disbelief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile => f.write_str("it is no regular file"),
            Self::Owner(uid) => write!(f, "it is owned by user {uid}, who is not among the owners"),
            Self::Shared => f.write_str("others may write into it"),
            Self::TooLarge => f.write_str("it is too large"),
            Self::Torn => f.write_str("its content is damaged or for another domain"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl std::error::Error for Disbelief {}

impl Directory {
    /// A file's content; `None`: there is no such file. `whose`: what the file is about.
    pub(super) fn read(&self, whose: &str, name: &str) -> Result<Option<Vec<u8>>, Disbelief> {
        match self.bucket(&bucket_of(whose)) {
            Ok(bucket) => self.read_in(&bucket, name),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Disbelief::Unreadable(error)),
        }
    }

    /// Puts this in the place of the file.
    pub(super) fn replace(
        &self,
        whose: &str,
        name: &str,
        content: &[u8],
        now: u64,
    ) -> io::Result<()> {
        let digits = bucket_of(whose);
        let bucket = self.bucket_to_write(&digits)?;
        self.make_room((&digits, &bucket), name, content.len(), now)?;
        let temporary = temporary_name()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | ALWAYS;
        let file = fs::openat(&bucket, &temporary, flags, Bits::RUSR | Bits::WUSR)?;
        let mut file = File::from(file);
        let replaced = file
            .write_all(content)
            // Other users read it, whatever the umask is.
            .and_then(|()| Ok(fs::fchmod(&file, FILE_BITS)?))
            // A policy that is lost in a crash is a downgrade; a failure or a test is none.
            .and_then(|()| {
                if name.ends_with([MEMORY_MARK, SERVER_MARK]) {
                    Ok(())
                } else {
                    file.sync_data()
                }
            })
            .and_then(|()| Ok(fs::renameat(&bucket, &temporary, &bucket, name)?));
        if replaced.is_err() {
            let _ = fs::unlinkat(&bucket, &temporary, AtFlags::empty());
        }
        replaced
    }

    /// Says whether there was one.
    pub(super) fn remove(&self, whose: &str, name: &str) -> io::Result<bool> {
        let bucket = match self.bucket(&bucket_of(whose)) {
            Ok(bucket) => bucket,
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        match fs::unlinkat(&bucket, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whom the files are for, by their names.
    pub(super) fn domains(&self) -> io::Result<Vec<Domain>> {
        let mut domains = Vec::new();
        for (digits, bucket) in self.buckets()? {
            let names = names_in(&bucket)?;
            domains.extend(names.iter().filter_map(|name| domain_of(name, &digits)));
        }
        Ok(domains)
    }

    /// Removes what counts no longer, and says how much that was.
    pub(super) fn sweep(&self, now: u64) -> io::Result<usize> {
        let mut removed = 0_usize;
        for (digits, bucket) in self.buckets()? {
            removed = removed.saturating_add(self.sweep_bucket(&digits, &bucket, now, NOTE)?);
        }
        Ok(removed)
    }

    fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::open(&self.path, flags, Bits::empty())
    }

    fn bucket(&self, digits: &str) -> Result<OwnedFd, Errno> {
        open_bucket(&self.open()?, digits)
    }

    fn bucket_to_write(&self, digits: &str) -> Result<OwnedFd, Errno> {
        let directory = self.open()?;
        match open_bucket(&directory, digits) {
            Err(Errno::NOENT) => {}
            opened => return opened,
        }
        // Whoever may write into the directory may write into those in it, whatever the umask is.
        let above = fs::fstat(&directory)?;
        match fs::mkdirat(&directory, digits, Bits::RWXU) {
            Ok(()) => {
                let bucket = open_bucket(&directory, digits)?;
                fs::fchmod(&bucket, Bits::from_raw_mode(above.st_mode & 0o7_777))?;
                Ok(bucket)
            }
            // Another process was faster.
            Err(Errno::EXIST) => open_bucket(&directory, digits),
            Err(error) => Err(error),
        }
    }

    fn buckets(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        let directory = self.open()?;
        let mut buckets = Vec::new();
        for number in 0..=u8::MAX {
            let digits = format!("{number:02x}");
            match open_bucket(&directory, &digits) {
                Ok(bucket) => buckets.push((digits, bucket)),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(buckets)
    }

    fn read_in(&self, bucket: &OwnedFd, name: &str) -> Result<Option<Vec<u8>>, Disbelief> {
        // Opening a pipe that somebody has put here must not wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | ALWAYS;
        let file = match fs::openat(bucket, name, flags, Bits::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(Disbelief::NotAFile),
            Err(error) => return Err(Disbelief::Unreadable(error)),
        };
        let stat = fs::fstat(&file).map_err(Disbelief::Unreadable)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Disbelief::NotAFile);
        }
        let own = rustix::process::geteuid().as_raw();
        if stat.st_uid != own && !self.owners.contains(&stat.st_uid) {
            return Err(Disbelief::Owner(stat.st_uid));
        }
        // It has no name any more when it has just been replaced.
        if stat.st_mode & 0o022 != 0 || stat.st_nlink > 1 {
            return Err(Disbelief::Shared);
        }
        let mut content = Vec::new();
        let limit = LARGEST.saturating_add(1);
        File::from(file)
            .take(limit)
            .read_to_end(&mut content)
            .map_err(|error| {
                Disbelief::Unreadable(Errno::from_io_error(&error).unwrap_or(Errno::IO))
            })?;
        if octets(content.len()) >= limit {
            return Err(Disbelief::TooLarge);
        }
        Ok(Some(content))
    }

    /// The limits hold after the file has got this length.
    fn make_room(
        &self,
        (digits, bucket): (&str, &OwnedFd),
        name: &str,
        length: usize,
        now: u64,
    ) -> io::Result<()> {
        let fits = || -> io::Result<bool> {
            let (mut files, mut all) = (1_usize, octets(length));
            for other in names_in(bucket)?.iter().filter(|other| *other != name) {
                let size = fs::statat(bucket, other.as_str(), AtFlags::SYMLINK_NOFOLLOW);
                files = files.saturating_add(1);
                let size = size.map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
                all = all.saturating_add(size);
            }
            Ok(files <= MOST_FILES && all <= MOST_OCTETS)
        };
        for note in [NOTE, 0] {
            if fits()? {
                return Ok(());
            }
            self.sweep_bucket(digits, bucket, now, note)?;
        }
        if fits()? {
            return Ok(());
        }
        Err(io::Error::other("it is full of policies in force"))
    }

    fn sweep_bucket(
        &self,
        digits: &str,
        bucket: &OwnedFd,
        now: u64,
        note: u64,
    ) -> io::Result<usize> {
        let mut removed = 0_usize;
        for name in names_in(bucket)? {
            let is_over = if name.starts_with(TEMPORARY) {
                is_left_behind(bucket, &name)
            } else if let Some(server) = server_of(&name, digits) {
                self.is_test_over(bucket, server, &name, now)
            } else {
                let domain = domain_of(&name, digits);
                domain.is_some_and(|domain| self.is_over(bucket, &domain, &name, now, note))
            };
            if is_over && fs::unlinkat(bucket, name.as_str(), AtFlags::empty()).is_ok() {
                removed = removed.saturating_add(1);
            }
        }
        Ok(removed)
    }

    fn is_test_over(&self, bucket: &OwnedFd, server: SocketAddr, name: &str, now: u64) -> bool {
        let Ok(Some(text)) = self.read_in(bucket, name) else {
            return false;
        };
        let tested = entry::decode_tested(server, &text);
        tested.is_none_or(|tested| {
            let passed = tested.passed.map(|at| at.saturating_add(WITHHELD));
            let end = tested.at.saturating_add(MEMORY);
            end.max(passed.unwrap_or_default()) < now
        })
    }

    fn is_over(&self, bucket: &OwnedFd, domain: &Domain, name: &str, now: u64, note: u64) -> bool {
        // What is not ours to judge stays, for an administrator to see.
        let Ok(Some(text)) = self.read_in(bucket, name) else {
            return false;
        };
        if name.ends_with(MEMORY_MARK) {
            let memory = Memory::decode(domain, &text);
            return memory.is_none_or(|m| m.latest().saturating_add(MEMORY) < now);
        }
        let kept = KeptPolicy::decode(domain, &text);
        kept.is_none_or(|kept| {
            let note = match kept.policy.mode() {
                Mode::Enforce | Mode::Testing => note,
                Mode::None => 0,
            };
            kept.kept().expires().saturating_add(note) < now
        })
    }
}

const ALWAYS: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW);

const FILE_BITS: Bits = Bits::RUSR
    .union(Bits::WUSR)
    .union(Bits::RGRP)
    .union(Bits::ROTH);

/// A policy of 64 KiB and the line before it.
const LARGEST: u64 = 66 * 1024;

/// How long an expired policy is remembered.
const NOTE: u64 = freshness::NOTE;

/// How long a failure can be of use to anybody, in seconds.
const MEMORY: u64 = 3_600;

/// What a file is called before it has its name; no domain name begins so.
const TEMPORARY: &str = ".new-";

/// Nobody writes a file for that long, in seconds.
const WRITING: u64 = 3_600;

fn bucket_of(whose: &str) -> String {
    let hash = digest(&SHA256, whose.as_bytes());
    let first = hash.as_ref().first().copied().unwrap_or_default();
    format!("{first:02x}")
}

fn open_bucket(directory: &OwnedFd, digits: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | ALWAYS;
    fs::openat(directory, digits, flags, Bits::empty())
}

fn names_in(bucket: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::Dir::read_from(bucket)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whose file this is, if it is in its place.
fn domain_of(name: &str, digits: &str) -> Option<Domain> {
    let text = name.strip_suffix(MEMORY_MARK).unwrap_or(name);
    let domain = Domain::parse(text.as_bytes()).ok()?;
    (domain.as_str() == text && bucket_of(text) == digits).then_some(domain)
}

/// Whose test this is, if it is in its place.
fn server_of(name: &str, digits: &str) -> Option<SocketAddr> {
    let text = name.strip_suffix(SERVER_MARK)?;
    let server: SocketAddr = text.parse().ok()?;
    (server.to_string() == text && bucket_of(text) == digits).then_some(server)
}

fn temporary_name() -> io::Result<String> {
    let mut octets = [0; 8];
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{TEMPORARY}{:016x}", u64::from_ne_bytes(octets)))
}

/// Whoever was writing it has ended.
fn is_left_behind(bucket: &OwnedFd, name: &str) -> bool {
    let Ok(stat) = fs::statat(bucket, name, AtFlags::SYMLINK_NOFOLLOW) else {
        return false;
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    let written = u64::try_from(stat.st_mtime).unwrap_or_default();
    written.saturating_add(WRITING) < now
}

fn octets(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
