//! README and the pages in docs: no link leads nowhere, the guide's index lists each of its pages, and its networks are networks.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn no_link_is_dead() {
    let (mut links, mut dead) = (0, Vec::new());
    for page in pages() {
        let folder = page.parent().unwrap();
        for target in targets(&fs::read_to_string(&page).unwrap()) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            if !folder.join(file).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(links > 50, "only {links} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn the_guides_index_lists_every_page() {
    let folder = root().join("docs/guide");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let listed = targets(&index);
    for page in markdown(&folder) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(
            name == "README.md" || listed.contains(&name),
            "docs/guide/README.md does not list {name}"
        );
    }
}

#[test]
fn the_guides_networks_can_be_planned() {
    let page = fs::read_to_string(root().join("docs/guide/networks.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1);
    for (index, block) in blocks.enumerate() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("network-{index}.toml"));
        fs::write(&file, block.split("```").next().unwrap()).unwrap();
        let mut summary = Command::new(env!("CARGO_BIN_EXE_glassbox"));
        summary
            .args(["summary", "--input", "3x32x32", "--arch"])
            .arg(&file);
        let output = summary.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "network {index}: {message}");
    }
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[a](b.md) `[c](d)` ![e](f.svg)\n```\n[g](h)\n```\n[![i](j.svg)](k.md#l)";
    assert_eq!(targets(text), ["b.md", "f.svg", "j.svg", "k.md#l"]);
}

/// What the links and pictures of a page point to. Code holds none.
fn targets(page: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if !code {
            let text = line.split('`').step_by(2);
            targets.extend(text.flat_map(|text| {
                let links = text.split("](").skip(1);
                links.filter_map(|rest| rest.split(')').next())
            }));
        }
    }
    targets
}

/// Every page at the root, in `docs` and beside a crate.
fn pages() -> Vec<PathBuf> {
    let root = root();
    let mut pages = markdown(&root);
    let mut folders = vec![root.join("docs"), root.join("crates")];
    while let Some(folder) = folders.pop() {
        pages.extend(markdown(&folder));
        folders.extend(entries(&folder).into_iter().filter(|path| path.is_dir()));
    }
    pages
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut files = entries(folder);
    files.retain(|path| path.extension().is_some_and(|end| end == "md"));
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
