//! Names that people type: which one they probably meant.

use std::fmt;

/// The candidate nearest to `typed` (Jaro–Winkler similarity), if any is near enough to suggest.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&typed, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// The first key of `table` that is not among `known`, with the nearest that is.
pub fn unknown_key(table: &toml::Table, known: &[&'static str]) -> Option<UnknownKey> {
    let key = table.keys().find(|key| !known.contains(&key.as_str()))?;
    Some(UnknownKey {
        key: key.clone(),
        nearest: nearest(key, known.iter().copied()).map(str::to_string),
        known: known.to_vec(),
    })
}

/// A key that nobody reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key as written.
    pub key: String,
    /// The known key nearest to it.
    pub nearest: Option<String>,
    /// Every known key.
    pub known: Vec<&'static str>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown key `{}`", self.key)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => write!(f, "; known keys: {}", self.known.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let names = ["reference", "lenet5", "tiny-vgg"];
        assert_eq!(nearest("refrence", names), Some("reference"));
        assert_eq!(nearest("LeNet", names), Some("lenet5"));
        assert_eq!(nearest("qqq", names), None);
    }

    #[test]
    fn finds_the_unknown_key() {
        let table: toml::Table = toml::from_str("kernel = 3\nfliters = 8").unwrap();
        let unknown = unknown_key(&table, &["kernel", "filters"]).unwrap();
        assert_eq!(unknown.nearest.as_deref(), Some("filters"));
        assert!(unknown_key(&table, &["kernel", "fliters"]).is_none());
    }
}
