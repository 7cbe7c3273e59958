//! The course of an engagement as a drawing: what was, this report, and what is to be.

use std::fmt::Write;

use crate::evidence::bundle::Bundle;
use crate::evidence::day::Day;
use crate::evidence::openings::Opening;

/// How wide the drawing is, in its own units.
const WIDTH: f64 = 1000.0;
/// How near two captions of a row may be to each other.
const APART: f64 = 120.0;
/// The most marks that have a caption.
const MARKS: usize = 6;

struct Mark {
    day: Day,
    says: String,
    is_now: bool,
}

/// Draws it, and returns what is said beside its heading as well.
pub fn timeline(bundle: &Bundle, openings: &[Opening]) -> (String, String) {
    let today = Day::of(bundle.made);
    let marks = marks(bundle, today);
    let (first, last) = (marks.iter().map(|mark| mark.day).min(), marks.iter().map(|mark| mark.day).max());
    let (first, last) = (first.unwrap_or(today), last.unwrap_or(today));
    // Room on both sides, and never a point alone.
    let span = first.until(last).max(60);
    let (begin, span) = (first.plus(-span / 14), (span + span / 7).max(1));
    let at = |day: Day| begin.until(day) as f64 / span as f64 * WIDTH;
    let mut svg = format!(
        "<svg viewBox=\"-2 0 1004 {}\" role=\"img\" aria-labelledby=\"tl\"><title id=\"tl\">{}</title>",
        if rows(&marks, &at).iter().any(|row| *row > 0) { 122 } else { 90 },
        spoken(&marks)
    );
    years(&mut svg, begin, begin.plus(span), &at);
    // A string takes whatever is written to it.
    let _ = write!(svg, "<line class=\"base\" x1=\"0\" x2=\"1000\" y1=\"46\" y2=\"46\"/>");
    let until = bundle.project.destroyed.map_or(today, Day::of);
    let _ = write!(
        svg,
        "<line class=\"kept\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"46\" y2=\"46\"/>",
        at(Day::of(bundle.project.created)),
        at(until)
    );
    let days = (span / 50).max(1);
    bars(&mut svg, openings, begin, days, &at);
    for (mark, row) in marks.iter().zip(rows(&marks, &at)) {
        let (x, down) = (at(mark.day), 32 * row as u32);
        let anchor = if x < 55.0 {
            "start"
        } else if x > WIDTH - 55.0 {
            "end"
        } else {
            "middle"
        };
        let class = if mark.is_now { "p now" } else { "p" };
        let _ = write!(
            svg,
            "<g class=\"{class}\"><line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"46\" y2=\"{}\"/><text x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"{anchor}\" class=\"w\">{}</text><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\" \
             class=\"d\">{}</text></g>",
            57 + down,
            71 + down,
            mark.says,
            86 + down,
            mark.day.short()
        );
    }
    svg.push_str("</svg>");
    (svg, caption(bundle, openings, days))
}

fn marks(bundle: &Bundle, today: Day) -> Vec<Mark> {
    let mut marks = vec![Mark { day: Day::of(bundle.project.created), says: "on record".into(), is_now: false }];
    let mut add = |day: Option<Day>, says: &str| {
        marks.extend(day.map(|day| Mark { day, says: says.into(), is_now: false }));
    };
    add(bundle.agreed("ends").and_then(Day::read), "contract ends");
    add(bundle.agreed("destroy_by").and_then(Day::read), "destroy by");
    add(bundle.project.hold.as_ref().map(|hold| Day::of(hold.since)), "legal hold");
    add(bundle.project.destroyed.map(Day::of), "keys destroyed");
    marks.push(Mark { day: today, says: "this report".into(), is_now: true });
    marks.sort_by_key(|mark| mark.day);
    marks.dedup_by(|later, mark| {
        let is_same = later.day == mark.day;
        if is_same {
            mark.says = format!("{}, {}", mark.says, later.says);
            mark.is_now |= later.is_now;
        }
        is_same
    });
    marks.truncate(MARKS);
    // Dates are anybody's: one in the far future would press the rest into a point.
    let (low, high) = (today.plus(-365 * 30), today.plus(365 * 30));
    marks.retain(|mark| low <= mark.day && mark.day <= high);
    marks
}

/// Returns in which row each caption is, so that none is upon another.
fn rows(marks: &[Mark], at: &impl Fn(Day) -> f64) -> Vec<usize> {
    let mut ends: Vec<f64> = Vec::new();
    let place = |mark: &Mark| {
        let x = at(mark.day);
        let row = ends.iter().position(|end| x - end >= APART).unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(x)
        } else {
            ends[row] = x
        }
        row
    };
    let rows: Vec<usize> = marks.iter().map(place).collect();
    rows
}

fn years(svg: &mut String, begin: Day, end: Day, at: &impl Fn(Day) -> f64) {
    let (year, mut next) = begin.year();
    let step = begin.until(end) / 365 / 8 + 1;
    let _ = write!(svg, "<text x=\"0\" y=\"10\" class=\"y\">{year}</text>");
    while let Some(day) = next.filter(|day| *day < end) {
        let (year, after) = day.year();
        let x = at(day);
        if i64::from(year) % step == 0 && x > 50.0 && x < WIDTH - 30.0 {
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"10\" class=\"y\">{year}</text><line class=\"yl\" x1=\"{x:.1}\" x2=\"{x:.1}\" \
                 y1=\"14\" y2=\"46\"/>"
            );
        }
        next = after;
    }
}

fn bars(svg: &mut String, openings: &[Opening], begin: Day, days: i64, at: &impl Fn(Day) -> f64) {
    let mut counts: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    for opening in openings {
        *counts.entry(begin.until(Day::of(opening.at)).div_euclid(days)).or_default() += 1;
    }
    let highest = counts.values().copied().max().unwrap_or(0).max(4);
    svg.push_str("<g class=\"bars\">");
    for (slot, count) in counts {
        let x = at(begin.plus(slot * days + days / 2));
        if !(0.0..=WIDTH).contains(&x) {
            continue;
        }
        let height = (count as f64 / highest as f64 * 26.0).max(3.0);
        let (left, top) = (x - 3.0, 43.5 - height);
        let _ = write!(svg, "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"6\" height=\"{height:.1}\"/>");
    }
    svg.push_str("</g>");
}

fn caption(bundle: &Bundle, openings: &[Opening], days: i64) -> String {
    match (&bundle.log, openings.last()) {
        (None, _) => "no record of accesses".into(),
        (_, None) => "no opening on record".into(),
        (_, Some(last)) => {
            let each = if days == 1 { "a day".into() } else { format!("{days} days") };
            format!("bars: openings in {each}, {} in all, last on {}", openings.len(), Day::of(last.at))
        }
    }
}

/// Says what the drawing shows, for those who do not see it.
fn spoken(marks: &[Mark]) -> String {
    let all: Vec<String> = marks.iter().map(|mark| format!("{}: {}", mark.says, mark.day)).collect();
    format!("Timeline. {}.", all.join("; "))
}
