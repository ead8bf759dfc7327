//! A folder with a small dataset, and the program run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

pub const SMALL: &str = "name = \"small\"\n[[layers]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\nactivation = \"relu\"\n\
                     [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 2\n";

/// A folder with a dataset of 6×7 images: dark ones (class `night`) with a few bright dots more in class `stars`.
pub fn prepare() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (part, count) in [("train", 60), ("test", 20)] {
        for class in ["night", "stars"] {
            let path = folder.path().join("sky").join(part).join(class);
            fs::create_dir_all(&path).unwrap();
            for number in 0..count {
                let image = image::GrayImage::from_fn(6, 7, |x, y| {
                    let star = class == "stars" && (x + y * 6 + number) % 5 == 0;
                    image::Luma([if star {
                        230
                    } else {
                        (x * 3 + y + number % 7) as u8
                    }])
                });
                image.save(path.join(format!("{number:03}.png"))).unwrap();
            }
        }
    }
    fs::write(folder.path().join("small.toml"), SMALL).unwrap();
    folder
}

pub fn glassbox(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glassbox"));
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("GLASSBOX_DATA")
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .stdin(Stdio::null());
    command
}

pub fn run(folder: &Path, arguments: &str) -> (i32, String, String) {
    answer(glassbox(folder, arguments).output().unwrap())
}

pub fn answer(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

pub const TRAIN: &str =
    "train --data sky --arch small.toml --epochs 3 --batch-size 16 --lr 0.02 --augment none";

/// A folder in which a model has been trained, made once.
pub fn trained() -> &'static Path {
    static FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = prepare();
        let (code, stdout, stderr) = run(folder.path(), &format!("{TRAIN} --out run"));
        assert_eq!(code, 0, "{stdout}{stderr}");
        let path = folder.path().to_path_buf();
        (folder, path)
    });
    path
}
