//! Growth as a picture: bars of genuine, unknown and likely spam followers, one on the other, with whiskers where the spam
//! may begin; unfollows below the line, waves and gaps behind. SVG without scripts; colours follow the reader's light or
//! dark, and are set twice, so that light ones remain where style sheets are forbidden.

use super::growth::{Point, Step};
use super::wave::Wave;
use jiff::Timestamp;
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 40.0;
/// Dates below the picture: more of them touch each other. Each takes less than this.
const DATES: usize = 7;
const DATE_WIDTH: f64 = 110.0;
/// Whiskers on thinner bars are a smear.
const BAR_MIN: f64 = 3.0;

/// Names, with the colours of each in light and dark.
const COLOURS: [(&str, &str, &str); 8] = [
    ("ground", "#ffffff", "#1c2225"),
    ("ink", "#1d2326", "#e6e9e8"),
    ("faint", "#5b6468", "#9aa6a9"),
    ("genuine", "#2a7a74", "#7cc5bd"),
    ("unknown", "#a9b0b2", "#6d787c"),
    ("spam", "#b5482f", "#f2978b"),
    ("wave", "#f4e3bd", "#4a3a1a"),
    ("gap", "#e4e2dd", "#30383c"),
];

/// The picture, and what it shows in words for those who do not see it. `title` may hold anything.
///
/// Points are those of [`super::growth::series`], waves those of the same time.
pub fn svg(title: &str, points: &[Point], step: Step, waves: &[Wave]) -> String {
    let mut svg = String::new();
    let most = points.iter().map(total).fold(1.0, f64::max);
    let fewest = points.iter().map(|point| point.unfollows as f64).fold(0.0, f64::max);
    let tick = tick(most + fewest);
    let (above, below) = ((most / tick).ceil() * tick, (fewest / tick).ceil() * tick);
    let scale = (HEIGHT - TOP - BOTTOM) / (above + below);
    let chart = Chart {
        points,
        zero: TOP + above * scale,
        scale,
        bar: (WIDTH - LEFT - RIGHT) / points.len().max(1) as f64,
        seconds: step.seconds() as f64,
    };
    // Writing to a string does not fail.
    chart.draw(&mut svg, title, step, waves, (tick, above, below)).unwrap_or_default();
    svg
}

struct Chart<'p> {
    points: &'p [Point],
    /// Where nobody is, from above.
    zero: f64,
    /// Height of a follower.
    scale: f64,
    /// Width of a step.
    bar: f64,
    seconds: f64,
}

impl Chart<'_> {
    fn draw(
        &self,
        svg: &mut String,
        title: &str,
        step: Step,
        waves: &[Wave],
        (tick, above, below): (f64, f64, f64),
    ) -> std::fmt::Result {
        write!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="growth-title growth-words" font-family="system-ui, sans-serif" font-size="13"><title id="growth-title">{}</title><desc id="growth-words">{}</desc><style>"#,
            escaped(title),
            escaped(&self.words(step, waves)),
        )?;
        write!(svg, "@media (prefers-color-scheme: dark) {{")?;
        for (name, _, dark) in COLOURS {
            write!(svg, ".{name}{{fill:{dark}}}.{name}-line{{stroke:{dark}}}")?;
        }
        write!(svg, "}}</style>")?;
        rect(svg, "ground", (0.0, 0.0), (WIDTH, HEIGHT))?;
        for wave in waves {
            let end = wave.until.or(self.points.last().map(|point| point.start)).unwrap_or(wave.from);
            self.band(svg, "wave", wave.from, end)?;
        }
        for (n, point) in self.points.iter().enumerate().filter(|(_, point)| point.observed < 1.0) {
            let width = self.bar * (1.0 - point.observed);
            rect(svg, "gap", (LEFT + self.bar * (n as f64 + point.observed), TOP), (width, HEIGHT - TOP - BOTTOM))?;
        }
        let mut at = -below;
        while at <= above + tick / 2.0 {
            let y = self.zero - at * self.scale;
            line(svg, if at == 0.0 { "ink" } else { "gap" }, (LEFT, y), (WIDTH - RIGHT, y))?;
            text(svg, "faint", (LEFT - 8.0, y + 4.0), "end", &count(at.abs()))?;
            at += tick;
        }
        for (n, point) in self.points.iter().enumerate() {
            self.step(svg, n, point, step)?;
        }
        self.dates(svg, step)?;
        legend(svg, !waves.is_empty(), self.points.iter().any(|point| point.observed < 1.0), below > 0.0)?;
        text(svg, "ink", (LEFT, 18.0), "start", title)?;
        write!(svg, "</svg>")
    }

    fn step(&self, svg: &mut String, n: usize, point: &Point, step: Step) -> std::fmt::Result {
        let (width, x) = (self.bar * if self.bar > BAR_MIN { 0.8 } else { 1.0 }, LEFT + self.bar * n as f64);
        write!(svg, "<g><title>{}: {}</title>", date(point.start, step), escaped(&parts(point)))?;
        let mut y = self.zero;
        for (name, value) in
            [("genuine", point.genuine.value), ("unknown", point.unknown as f64), ("spam", point.spam.value)]
        {
            let height = value * self.scale;
            y -= height;
            rect(svg, name, (x, y), (width, height))?;
        }
        rect(svg, "faint", (x, self.zero), (width, point.unfollows as f64 * self.scale))?;
        if self.bar > BAR_MIN && point.spam.high - point.spam.low > 0.0 {
            let begins = |spam: f64| self.zero - (total(point) - spam) * self.scale;
            let x = x + width / 2.0;
            line(svg, "ink", (x, begins(point.spam.low)), (x, begins(point.spam.high)))?;
        }
        write!(svg, "</g>")
    }

    fn band(&self, svg: &mut String, name: &str, from: Timestamp, until: Timestamp) -> std::fmt::Result {
        let Some(first) = self.points.first() else { return Ok(()) };
        let place = |at: Timestamp| {
            let steps = (at.as_second() - first.start.as_second()) as f64 / self.seconds;
            LEFT + steps.clamp(0.0, self.points.len() as f64) * self.bar
        };
        // A wave of an hour is to be seen among days.
        let width = (place(until) - place(from)).max(self.bar.min(4.0));
        rect(svg, name, (place(from), TOP), (width, HEIGHT - TOP - BOTTOM))
    }

    fn dates(&self, svg: &mut String, step: Step) -> std::fmt::Result {
        let every = self.points.len().div_ceil(DATES).max(1);
        // Hours of some days are told at the same time of each.
        let every = if step == Step::Hour && every > 6 { every.next_multiple_of(24) } else { every };
        for (n, point) in self.points.iter().enumerate().step_by(every) {
            let x = LEFT + self.bar * n as f64;
            if x + DATE_WIDTH <= WIDTH {
                text(svg, "faint", (x, HEIGHT - 18.0), "start", &date(point.start, step))?;
            }
        }
        Ok(())
    }

    /// The picture in words.
    fn words(&self, step: Step, waves: &[Wave]) -> String {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return "Nothing was recorded.".to_owned();
        };
        let sum = |part: &dyn Fn(&Point) -> f64| count(self.points.iter().map(part).sum());
        let mut words = format!(
            "{} to {}: {} new followers, of whom {} are likely spam ({} to {}) and {} unknown; {} unfollowed.",
            date(first.start, step),
            date(last.start, step),
            sum(&total),
            sum(&|point| point.spam.value),
            sum(&|point| point.spam.low),
            sum(&|point| point.spam.high),
            sum(&|point| point.unknown as f64),
            sum(&|point| point.unfollows as f64),
        );
        for wave in waves {
            let (counted, expected) = (wave.counted as f64, wave.expected);
            words += &format!(
                " A wave from {}: {} where {} would be usual.",
                date(wave.from, Step::Hour),
                count(counted),
                count(expected)
            );
        }
        words
    }
}

fn parts(point: &Point) -> String {
    let spam = &point.spam;
    let parts = format!(
        "{} new followers, {} likely spam ({} to {}), {} unknown, {} unfollowed",
        count(total(point)),
        count(spam.value),
        count(spam.low),
        count(spam.high),
        point.unknown,
        point.unfollows
    );
    match point.observed {
        observed if observed <= 0.0 => "not observed".to_owned(),
        observed if observed < 1.0 => format!("{parts}; observed {:.0} % of the time", observed * 100.0),
        _ => parts,
    }
}

fn total(point: &Point) -> f64 {
    point.genuine.value + point.spam.value + point.unknown as f64
}

fn legend(svg: &mut String, waves: bool, gaps: bool, unfollows: bool) -> std::fmt::Result {
    let mut x = LEFT;
    for (name, label, shown) in [
        ("genuine", "genuine", true),
        ("unknown", "unknown", true),
        ("spam", "likely spam, whisker: where it may begin (90 %)", true),
        ("faint", "unfollowed", unfollows),
        ("wave", "wave", waves),
        ("gap", "not observed", gaps),
    ] {
        if shown {
            rect(svg, name, (x, 28.0), (11.0, 11.0))?;
            text(svg, "faint", (x + 16.0, 38.0), "start", label)?;
            // About the width of a letter.
            x += 34.0 + 6.6 * label.len() as f64;
        }
    }
    Ok(())
}

fn light(name: &str) -> &'static str {
    COLOURS.iter().find(|(known, ..)| *known == name).map_or("#888888", |(_, light, _)| light)
}

fn rect(svg: &mut String, name: &str, (x, y): (f64, f64), (width, height): (f64, f64)) -> std::fmt::Result {
    if width <= 0.0 || height <= 0.0 {
        return Ok(());
    }
    let fill = light(name);
    write!(svg, r#"<rect class="{name}" fill="{fill}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#)
}

fn line(svg: &mut String, name: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> std::fmt::Result {
    let stroke = light(name);
    write!(
        svg,
        r#"<line class="{name}-line" stroke="{stroke}" stroke-width="1.5" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
    )
}

fn text(svg: &mut String, name: &str, (x, y): (f64, f64), anchor: &str, text: &str) -> std::fmt::Result {
    let (fill, text) = (light(name), escaped(text));
    write!(svg, r#"<text class="{name}" fill="{fill}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#)
}

/// A step of the scale: 1, 2 or 5 times a power of ten, about six of them.
fn tick(most: f64) -> f64 {
    let rough = (most / 6.0).max(1.0);
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|tick| *tick >= rough).unwrap_or(power)
}

/// A whole number, by thousands.
fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn date(at: Timestamp, step: Step) -> String {
    match step {
        Step::Hour => at.strftime("%Y-%m-%d %H:%M").to_string(),
        Step::Day => at.strftime("%Y-%m-%d").to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            // XML knows no other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
