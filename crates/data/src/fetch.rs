//! Downloads: mirrors in turn, checked, written beside and renamed.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Card, DataError, Event, FileCard, Kind, Search, digest, idx};

/// How long a mirror may take to answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a mirror may send nothing.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// No download may be larger than this.
const MAX_BYTES: u64 = 16 << 30;

/// Downloads the files of `card` that are not yet in place; yields the paths it wrote.
///
/// A file that is there and has the right digest is left alone. One that fails its check is never put in place.
pub fn fetch(
    card: &Card,
    search: &Search,
    watch: &dyn Fn(Event),
) -> Result<Vec<PathBuf>, DataError> {
    let target = search.target(&card.name);
    let in_place = |file: &FileCard| {
        let path = target.join(download_name(card, file));
        path.exists() && verify(card, file, &path).is_ok()
    };
    let mut wanted: Vec<&FileCard> = card.files();
    wanted.retain(|file| !in_place(file));
    let mut written = Vec::new();
    for (position, file) in wanted.iter().enumerate() {
        let path = target.join(download_name(card, file));
        fs::create_dir_all(&target).map_err(DataError::io(&target))?;
        let mut attempts = Vec::new();
        let done = file
            .urls
            .iter()
            .any(|url| match download(url, &path, card, file, watch) {
                Ok(()) => true,
                Err(error) => {
                    attempts.push(format!("  {url}: {error}"));
                    false
                }
            });
        if !done {
            // Only an empty folder goes: one that was made for nothing.
            let _ = fs::remove_dir(&target);
            if file.urls.is_empty() {
                attempts.push("  its card names no address".to_string());
            }
            // All that is still missing, so that one message is enough.
            let missing = &wanted[position..];
            return Err(DataError::Download {
                dataset: card.name.clone(),
                attempts,
                files: missing.iter().map(|file| file.name.clone()).collect(),
                urls: missing
                    .iter()
                    .filter_map(|file| file.urls.first().cloned())
                    .collect(),
                target,
            });
        }
        written.push(path);
    }
    Ok(written)
}

/// Checks a file on the disk against its card.
pub(crate) fn verify(card: &Card, file: &FileCard, path: &Path) -> Result<(), DataError> {
    match card.kind {
        Kind::Idx { .. } => idx::read(path, file).map(|_| ()),
        _ => digest::check(
            path,
            file.file_sha256.as_deref(),
            digest::sha256_file(path)?,
        ),
    }
}

/// IDX files are published gzipped; everything else under its own name.
fn download_name(card: &Card, file: &FileCard) -> String {
    match card.kind {
        Kind::Idx { .. } => format!("{}.gz", file.name),
        _ => file.name.clone(),
    }
}

/// Why one address did not deliver.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] ureq::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Check(#[from] DataError),
}

/// Downloads beside `path`, checks, and renames; whatever fails leaves nothing behind.
fn download(
    url: &str,
    path: &Path,
    card: &Card,
    file: &FileCard,
    watch: &dyn Fn(Event),
) -> Result<(), FetchError> {
    // Of this process alone, should another fetch the same.
    let part = path.with_added_extension(format!("part-{}", std::process::id()));
    let done = receive(url, &part, file, watch)
        .and_then(|()| Ok(verify(card, file, &part)?))
        .and_then(|()| Ok(fs::rename(&part, path)?));
    if done.is_err() {
        // Best effort: the error that matters is already at hand.
        let _ = fs::remove_file(&part);
    }
    done
}

fn receive(
    url: &str,
    part: &Path,
    file: &FileCard,
    watch: &dyn Fn(Event),
) -> Result<(), FetchError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT_LIMIT))
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_recv_response(Some(STALL_LIMIT))
        .timeout_per_read(Some(STALL_LIMIT))
        .build()
        .into();
    let mut response = agent.get(url).call()?;
    let total = response.body().content_length();
    let mut output = fs::File::create(part)?;
    let mut body = response.body_mut().with_config().limit(MAX_BYTES).reader();
    let (mut buffer, mut done) = (vec![0; 1 << 16], 0);
    loop {
        let count = body.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        output.write_all(&buffer[..count])?;
        done += count as u64;
        watch(Event::Fetching {
            file: &file.name,
            done,
            total,
        });
    }
    Ok(output.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::BufRead, net::TcpListener, thread};

    /// Serves the given answers, one connection each, and yields the address.
    fn server(answers: Vec<(u16, Vec<u8>)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = io::BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            }
        });
        format!("http://{address}")
    }

    fn card(urls: &[String], contents: &[u8]) -> Card {
        let urls: Vec<_> = urls.iter().map(|url| format!("{url:?}")).collect();
        let text = format!(
            "name = \"own\"\nkind = \"images\"\n[archive]\nname = \"own.tar.gz\"\nfile_sha256 = \"{}\"\nurls = [{}]",
            digest::sha256(contents),
            urls.join(", ")
        );
        Card::parse(&text, Path::new("own.toml")).unwrap()
    }

    fn search(folder: &Path) -> Search {
        Search {
            data_dir: Some(folder.to_path_buf()),
            ..Search::default()
        }
    }

    #[test]
    fn a_bad_mirror_is_passed_over_and_the_file_checked() {
        let folder = tempfile::tempdir().unwrap();
        let right = b"right bytes".to_vec();
        let mirrors = [
            server(vec![(404, Vec::new())]),
            server(vec![(200, b"wrong bytes".to_vec())]),
            server(vec![(200, right.clone())]),
        ];
        let card = card(&mirrors, &right);
        let search = search(folder.path());
        let written = fetch(&card, &search, &|_| {}).unwrap();
        assert_eq!(written, [folder.path().join("own/own.tar.gz")]);
        assert_eq!(fs::read(&written[0]).unwrap(), right);
        assert_eq!(fs::read_dir(folder.path().join("own")).unwrap().count(), 1);
        // In place and right: nothing to do, and no server left to ask.
        assert!(fetch(&card, &search, &|_| {}).unwrap().is_empty());
    }

    #[test]
    fn when_no_mirror_delivers_every_attempt_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mirrors = [
            server(vec![(500, Vec::new())]),
            "http://127.0.0.1:1".to_string(),
        ];
        let error = fetch(&card(&mirrors, b"x"), &search(folder.path()), &|_| {}).unwrap_err();
        let DataError::Download { attempts, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(attempts.len(), 2);
        assert!(error.to_string().contains("put what you get into"));
        assert!(!folder.path().join("own").exists());
    }
}
