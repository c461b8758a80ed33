//! One SVG: a start beside others, and how it grows with mounts.

use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::report::{BARE, OURS, Report, Row, figure};

const WIDTH: u32 = 900;
const HEIGHT: u32 = 330;
/// Room for the names of lines.
const NAMES_WIDTH: i32 = 125;
const FONT: &str = "sans-serif";
/// Okabe and Ito's colours, which can be told apart by everybody; ours the first.
const COLOURS: [RGBColor; 6] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The whole picture. What was not measured is left out.
pub fn draw(report: &Report) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&WHITE).map_err(said)?;
        let (left, right) = area.split_horizontally(WIDTH / 2);
        bars(&left, report).context("bars")?;
        lines(&right, report).context("lines")?;
        area.present().map_err(said)?;
    }
    Ok(svg)
}

/// Errors of the backend are not all of a kind that can be kept.
fn said(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

fn bars(area: &Area<'_>, report: &Report) -> Result<()> {
    let Some(table) = report.table("start") else { return Ok(()) };
    let rows: Vec<&Row> = table.rows.iter().collect();
    let most = rows.iter().map(|row| row.median).fold(1.0, f64::max);
    let count = rows.len() as i32;
    let area = area.titled("start to exit of true, ms", (FONT, 15)).map_err(said)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .margin_bottom(25)
        .set_label_area_size(LabelAreaPosition::Left, 105)
        .build_cartesian_2d(0.0..most * 1.2, (0..count - 1).into_segmented())
        .map_err(said)?;
    let label = |place: &SegmentValue<i32>| match place {
        SegmentValue::CenterOf(at) => {
            rows.get((count - 1 - at) as usize).map_or("", |row| row.runner.as_str()).to_owned()
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_x_axis()
        .y_label_formatter(&label)
        .y_labels(rows.len())
        .label_style((FONT, 13))
        .draw()
        .map_err(said)?;
    for (at, row) in rows.iter().enumerate() {
        let place = count - 1 - at as i32;
        let colour = if row.runner == OURS { COLOURS[0] } else { RGBColor(120, 160, 190) };
        let corners =
            [(0.0, SegmentValue::Exact(place)), (row.median, SegmentValue::Exact(place + 1))];
        let mut bar = Rectangle::new(corners, colour.filled());
        bar.set_margin(5, 5, 0, 0);
        chart.draw_series([bar]).map_err(said)?;
        let text = format!(" {}", figure(row.median));
        let at = (row.median, SegmentValue::CenterOf(place));
        chart.draw_series([Text::new(text, at, (FONT, 13))]).map_err(said)?;
    }
    Ok(())
}

/// Every mount, median of every runner.
fn lines(area: &Area<'_>, report: &Report) -> Result<()> {
    let mut points: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for table in &report.tables {
        let Some(count) = table.name.strip_prefix("mounts-") else { continue };
        let count: f64 = count.parse()?;
        for row in table.rows.iter().filter(|row| row.runner != BARE) {
            match points.iter_mut().find(|(name, _)| *name == row.runner) {
                Some((_, list)) => list.push((count, row.median)),
                None => points.push((&row.runner, vec![(count, row.median)])),
            }
        }
    }
    let all = || points.iter().flat_map(|(_, list)| list);
    if all().next().is_none() {
        return Ok(());
    }
    let most = |value: fn(&(f64, f64)) -> f64| all().map(value).fold(1.0, f64::max);
    let (most_mounts, most_ms) = (most(|p| p.0), most(|p| p.1));
    let title = "the same beside so many mounts of the host, ms";
    let area = area.titled(title, (FONT, 15)).map_err(said)?;
    let (area, names) = area.split_horizontally(WIDTH as i32 / 2 - NAMES_WIDTH);
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .set_label_area_size(LabelAreaPosition::Left, 45)
        .set_label_area_size(LabelAreaPosition::Bottom, 25)
        .build_cartesian_2d((10.0..most_mounts).log_scale(), (1.0..most_ms * 1.3).log_scale())
        .map_err(said)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style((FONT, 12))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()
        .map_err(said)?;
    for (at, ((name, list), colour)) in (0..).zip(points.iter().zip(COLOURS.iter().cycle())) {
        let style = colour.stroke_width(if *name == OURS { 3 } else { 2 });
        chart.draw_series(LineSeries::new(list.iter().copied(), style)).map_err(said)?;
        let y = 30 + 22 * at;
        names.draw(&PathElement::new([(0, y), (16, y)], style)).map_err(said)?;
        names.draw(&Text::new(*name, (20, y - 7), (FONT, 13))).map_err(said)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::report::{Machine, Table};
    use super::*;

    #[test]
    fn every_runner_is_in_the_picture() {
        let rows = |ms: f64| [OURS, "bwrap"].map(|name| Row::of(name, vec![ms])).to_vec();
        let table = |name: &str, ms| Table::new(name, "t", "ms", rows(ms), Vec::new());
        let tables = vec![table("start", 2.5), table("mounts-10", 3.0), table("mounts-5000", 30.0)];
        let machine = Machine {
            kernel: String::new(),
            processor: String::new(),
            processors: 2,
            load_before: 0.0,
        };
        let svg = draw(&Report { machine, tables }).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for part in ["bwrap", OURS, "2.50", "<polyline"] {
            assert!(svg.contains(part), "no {part}");
        }
        assert!(!svg.contains("NaN"));
    }
}
