//! Curves and bars over an axis.
//!
//! * **In**: series of points, what the axes are. * **Out**: a figure with a title, a legend and labelled axes. * **Never**: a
//!   point beyond the axes, or that is not a number: it is left out.

mod backend;

use plotters::{
    chart::ChartBuilder,
    drawing::{DrawingAreaErrorKind, IntoDrawingArea},
    element::{Circle, PathElement, Rectangle},
    prelude::{DashedLineSeries, LineSeries},
    style::{Color, IntoFont, RGBColor, ShapeStyle},
};

use glassbox_lessons::count;

use self::backend::Measured;
use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    font::{PLOTTERS, TEXT, shortened, width},
    theme::{INK, MUTED, RULE},
};

/// Of a chart, in pixels.
pub const WIDTH: f64 = 400.0;
/// Of the plot in it.
const PLOT: (u32, u32) = (394, 240);
/// Around the plot, so that no letter is cut.
const MARGIN: f64 = 6.0;
/// Of a series in the legend: its stroke, and the most room for its name.
const STROKE: f64 = 18.0;
const LONGEST: f64 = 170.0;
/// No larger magnitude is drawn: no figure of a run comes near.
const LARGEST: f64 = 1e12;

/// What is to be drawn.
pub struct Chart<'a> {
    /// The figure's name.
    pub name: &'a str,
    /// Above it all.
    pub title: &'a str,
    /// What is seen in it.
    pub alt: String,
    /// From left to right.
    pub x: Axis<'a>,
    /// From bottom to top.
    pub y: Axis<'a>,
    /// Curves.
    pub series: Vec<Series>,
    /// Behind the curves.
    pub bars: Vec<Bar>,
    /// Dotted lines from bottom to top.
    pub marks: Vec<f64>,
}

/// An axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis<'a> {
    /// What it is.
    pub label: &'a str,
    /// How its numbers are written.
    pub scale: Scale,
    /// From and to.
    pub range: [f64; 2],
}

/// How an axis's numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Whole numbers alone.
    Count,
    /// As many decimals as the range needs.
    Number,
    /// Shares, as per cent.
    Percent,
    /// Values that are log₁₀ of counts; written as the counts.
    Log,
}

/// A curve.
pub struct Series {
    /// In the legend; empty for none.
    pub name: String,
    /// Of the theme.
    pub colour: &'static str,
    /// How it is drawn.
    pub line: Line,
    /// x and y.
    pub points: Vec<[f64; 2]>,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A line with a dot at each point.
    Dotted,
    /// A broken line.
    Dashed,
    /// Dots alone.
    Dots,
}

/// A bar, from a corner to the one across.
pub struct Bar {
    /// A corner.
    pub from: [f64; 2],
    /// The corner across.
    pub to: [f64; 2],
    /// Of the theme.
    pub colour: &'static str,
}

impl<'a> Axis<'a> {
    /// An axis that holds these values with a little room; at least as wide as `least`.
    pub fn around(
        label: &'a str,
        scale: Scale,
        values: impl IntoIterator<Item = f64>,
        least: f64,
    ) -> Self {
        let drawable = values.into_iter().filter(|value| value.abs() <= LARGEST);
        let (low, high) = drawable
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return Self {
                label,
                scale,
                range: [0.0, 1.0],
            };
        }
        // Ticks closer than the last digits of a number would fall together.
        let least = least.max(1e-6 * low.abs().max(high.abs())).max(1e-9);
        let short = ((least - (high - low)) / 2.0).max(0.0);
        let room = 0.06 * (high - low + 2.0 * short);
        let mut range = [low - short - room, high + short + room];
        // No room where there cannot be values.
        if scale == Scale::Percent && high <= 1.0 {
            range[1] = range[1].min(1.002);
        }
        if low >= 0.0 {
            range[0] = range[0].max(0.0);
        }
        Self {
            label,
            scale,
            range,
        }
    }

    /// An axis that begins at zero.
    pub fn from_zero(label: &'a str, scale: Scale, values: impl IntoIterator<Item = f64>) -> Self {
        Self::around(label, scale, values.into_iter().chain([0.0]), 0.0)
    }

    fn text(&self, value: f64) -> String {
        let span = self.range[1] - self.range[0];
        let (value, span, unit) = match self.scale {
            Scale::Log if (value - value.round()).abs() > 1e-6 => return String::new(),
            Scale::Log => return count(10f64.powf(value.round()) as u64),
            Scale::Count if (value - value.round()).abs() > 1e-6 => return String::new(),
            Scale::Count => return format!("{:.0}", value.round()),
            Scale::Number if span > 2000.0 && value >= 0.0 => return count(value.round() as u64),
            Scale::Number => (value, span, ""),
            Scale::Percent => (100.0 * value, 100.0 * span, " %"),
        };
        let decimals = (-(span / 6.0).log10().floor()).clamp(0.0, 6.0) as usize;
        let text = format!("{value:.decimals$}");
        // Not −0.
        let text = match text.trim_start_matches('-').trim_matches(['0', '.']) {
            "" => text.trim_start_matches('-').to_string(),
            _ => text.replace('-', "−"),
        };
        text + unit
    }
}

/// Draws a chart.
pub fn chart(chart: Chart<'_>) -> Figure {
    let mut canvas = Canvas::default();
    canvas.sized(8.0, 16.0, Anchor::Start, INK, 14.0, chart.title);
    let top = legend(&mut canvas, &chart.series);
    // A plot that plotters refuses leaves its title, and says so.
    match plot(&chart) {
        Ok(svg) => {
            let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
            let inner = inner
                .rsplit_once("</svg>")
                .map_or(inner, |(inner, _)| inner);
            canvas.moved([MARGIN, top], inner.trim_start());
        }
        Err(error) => {
            canvas.muted(
                8.0,
                top + 20.0,
                Anchor::Start,
                &format!("not drawn: {error}"),
            );
        }
    }
    let size = [WIDTH, top + f64::from(PLOT.1) + MARGIN];
    canvas.finish(chart.name, chart.title, chart.alt, size)
}

/// A stroke and a name for each series that has one, under the title; yields where the plot begins.
fn legend(canvas: &mut Canvas, series: &[Series]) -> f64 {
    let (mut x, mut y) = (8.0, 34.0);
    for series in series.iter().filter(|series| !series.name.is_empty()) {
        let name = shortened(&series.name, TEXT, LONGEST);
        let wide = STROKE + 5.0 + width(&name, TEXT);
        if x > 8.0 && x + wide > WIDTH - 8.0 {
            (x, y) = (8.0, y + 16.0);
        }
        let (to, middle) = (x + STROKE, y - 4.0);
        match series.line {
            Line::Dotted => canvas.line([x, middle], [to, middle], series.colour, 2.0),
            Line::Dashed => {
                canvas.line([x, middle], [x + 7.0, middle], series.colour, 2.0);
                canvas.line([x + 11.0, middle], [to, middle], series.colour, 2.0);
            }
            Line::Dots => canvas.rect([x + 6.0, y - 7.0, 6.0, 6.0], series.colour),
        }
        canvas.text(to + 5.0, y, Anchor::Start, &name);
        x += wide + 14.0;
    }
    y + 12.0
}

fn plot(chart: &Chart<'_>) -> Result<String, DrawingAreaErrorKind<std::io::Error>> {
    let mut svg = String::new();
    {
        let area = Measured::new(&mut svg, PLOT).into_drawing_area();
        let ([x0, x1], [y0, y1]) = (chart.x.range, chart.y.range);
        let mut context = ChartBuilder::on(&area)
            .margin_top(6)
            .margin_right(24)
            .x_label_area_size(38)
            .y_label_area_size(68)
            .build_cartesian_2d(x0..x1, y0..y1)?;
        // Whole numbers need no ticks between them.
        let ticks = match chart.x.scale {
            Scale::Count => ((x1 - x0) as usize + 1).min(7),
            _ => 6,
        };
        let label = ("sans-serif", PLOTTERS * TEXT).into_font();
        let text = label.color(&rgb(MUTED));
        context
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(rgb(RULE).mix(0.0))
            .bold_line_style(rgb(RULE))
            .axis_style(rgb(MUTED))
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_labels(ticks)
            .y_labels(6)
            .x_desc(chart.x.label)
            .y_desc(chart.y.label)
            .x_label_formatter(&|x| chart.x.text(*x))
            .y_label_formatter(&|y| chart.y.text(*y))
            .draw()?;
        for bar in &chart.bars {
            let corners = [(bar.from[0], bar.from[1]), (bar.to[0], bar.to[1])];
            context.draw_series([Rectangle::new(corners, rgb(bar.colour).filled())])?;
        }
        for at in &chart.marks {
            let stroke = rgb(MUTED).stroke_width(1);
            let points = [(*at, y0), (*at, y1)];
            context.draw_series(DashedLineSeries::new(points, 2, 3, stroke))?;
        }
        for series in &chart.series {
            let inside = |[x, y]: &&[f64; 2]| (x0..=x1).contains(x) && (y0..=y1).contains(y);
            let points = series.points.iter().filter(inside);
            let points: Vec<(f64, f64)> = points.map(|[x, y]| (*x, *y)).collect();
            let colour = rgb(series.colour);
            let stroke: ShapeStyle = colour.stroke_width(2);
            match series.line {
                Line::Dotted => {
                    context.draw_series(LineSeries::new(points.clone(), stroke))?;
                }
                Line::Dashed => {
                    context.draw_series(DashedLineSeries::new(points.clone(), 6, 4, stroke))?;
                }
                Line::Dots => {}
            }
            if series.line != Line::Dashed {
                let dots = points
                    .iter()
                    .map(|point| Circle::new(*point, 3, colour.filled()));
                context.draw_series(dots)?;
            }
        }
        // So that bars do not hide it.
        context.draw_series([PathElement::new([(x0, y0), (x1, y0)], rgb(MUTED))])?;
        area.present()?;
    }
    Ok(svg)
}

/// A colour of the theme, `#RRGGBB`.
fn rgb(hex: &str) -> RGBColor {
    let part = |at: usize| {
        let digits = hex.get(at..at + 2).unwrap_or("00");
        u8::from_str_radix(digits, 16).unwrap_or(0)
    };
    RGBColor(part(1), part(3), part(5))
}
