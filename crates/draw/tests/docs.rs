//! The pages in `docs/lessons` are those that the lessons yield today.
//!
//! `GLASSBOX_WRITE_DOCS=1 cargo test --release -p glassbox-draw --test docs` writes them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeMap, env, fs, path::Path};

use glassbox_draw::{Document, File, contents, markdown_with_files};
use glassbox_lessons::{LESSONS, Settings};

#[test]
fn the_pages_in_docs_are_not_stale() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lessons");
    let mut files = vec![contents()];
    for lesson in &LESSONS {
        let page = lesson.page(&Settings::default()).unwrap();
        let Document { page, pictures } = markdown_with_files(&page);
        files.push(page);
        files.extend(pictures);
    }
    let files: BTreeMap<String, String> = files
        .into_iter()
        .map(|File { name, contents }| (name, contents))
        .collect();
    if env::var_os("GLASSBOX_WRITE_DOCS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, contents) in &files {
            fs::write(folder.join(name), contents).unwrap();
        }
    }
    let again = "GLASSBOX_WRITE_DOCS=1 cargo test --release -p glassbox-draw --test docs";
    for (name, contents) in &files {
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        // Not assert_eq: a page is too long to print twice.
        assert!(
            found == *contents,
            "docs/lessons/{name} is stale; run {again}"
        );
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            files.contains_key(&name),
            "docs/lessons/{name} belongs to no lesson; run {again}"
        );
    }
}
