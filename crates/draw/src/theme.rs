//! The colours of figures and pages, in light and in dark.
//!
//! * **In**: nothing. * **Out**: colours as they stand in a figure, and a style sheet that turns them dark.
//! * **Never**: a colour that only hue tells apart: series are Okabe and Ito's ("Color universal design", 2008).
//!
//! A figure is drawn in light colours. Where it is looked at in the dark, a style sheet exchanges each of them for its
//! partner, by its value: so one drawing serves both.

/// Text.
pub const INK: &str = "#1F2328";
/// Text that may be passed over, axes.
pub const MUTED: &str = "#59636E";
/// Grid lines, borders.
pub const RULE: &str = "#D1D9E0";
/// The ground of figures and pages.
pub const PAPER: &str = "#FFFFFE";
/// The ground of what stands out a little.
pub(crate) const PANEL: &str = "#F6F8FA";
/// The first series: training, before.
pub const FIRST: &str = "#0072B2";
/// The second series: validation, after.
pub const SECOND: &str = "#D55E00";
/// Further series.
pub const SERIES: [&str; 6] = [FIRST, SECOND, "#009E73", "#CC79A7", "#8F7700", "#56B4E9"];

/// Light colours and what they are in the dark.
const DARK: [(&str, &str); 11] = [
    (INK, "#E6EDF3"),
    (MUTED, "#9DA7B3"),
    (RULE, "#3D444D"),
    (PAPER, "#0D1117"),
    (PANEL, "#161B22"),
    (FIRST, "#56B4E9"),
    (SECOND, "#FF9A4D"),
    (SERIES[2], "#3FD0A4"),
    (SERIES[3], "#E8A5CB"),
    (SERIES[4], "#F0E442"),
    (SERIES[5], "#C9E8FB"),
];

/// What makes figures dark where the reader's system is.
pub(crate) fn dark_figures() -> String {
    let mut rules = String::new();
    for (light, dark) in DARK {
        rules +=
            &format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}\n");
    }
    format!("@media (prefers-color-scheme: dark) {{\n{rules}}}\n")
}

/// The variables of a page, `--ink` and so on, light and dark.
pub(crate) fn variables() -> String {
    let names = [
        (INK, "ink"),
        (MUTED, "muted"),
        (RULE, "rule"),
        (PAPER, "paper"),
        (PANEL, "panel"),
        (FIRST, "first"),
    ];
    let list = |pick: fn(&(&'static str, &'static str)) -> &'static str| -> String {
        names
            .iter()
            .filter_map(|(light, name)| {
                let pair = DARK.iter().find(|(colour, _)| colour == light)?;
                Some(format!("--{name}:{};", pick(pair)))
            })
            .collect()
    };
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme: dark){{:root{{{}}}}}\n",
        list(|pair| pair.0),
        list(|pair| pair.1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_has_a_partner_and_no_two_are_the_same_in_the_dark() {
        let partner = |light: &str| {
            DARK.iter()
                .find(|(colour, _)| *colour == light)
                .map(|pair| pair.1)
        };
        let all = [INK, MUTED, RULE, PAPER, PANEL].into_iter().chain(SERIES);
        let mut dark: Vec<&str> = all.map(|light| partner(light).unwrap()).collect();
        dark.sort_unstable();
        dark.dedup();
        assert_eq!(dark.len(), DARK.len());
    }
}
