//! Plots: for each group of cells and each number that tells a story, one line for each contender.

use std::fs;
use std::path::Path;

use plotters::prelude::*;

use crate::Error;
use crate::results::{CellResults, Entry, Metric, Results, WorkloadResults};
use crate::stats::readable;

/// The numbers that are worth a picture, where a workload has them.
const DRAWN: [&str; 4] = ["cpu_ns", "rate", "p99_us", "p999_us"];

const SIZE: (u32, u32) = (860, 440);

/// A plot that was drawn: which workload it belongs to, what to call it, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    pub workload: String,
    pub title: String,
    pub file: String,
}

/// Draws all plots of `results` into the directory.
pub fn draw(results: &Results, out: &Path) -> Result<Vec<Plot>, Error> {
    let mut plots = Vec::new();
    for workload in &results.workloads {
        let Some(axis) = &workload.axis else { continue };
        for group in groups(workload) {
            for metric in workload.metrics.iter().filter(|metric| is_drawn(metric, workload)) {
                let picture = Picture::new(workload, &group, metric, axis);
                if picture.lines.iter().any(|line| line.points.len() > 1) {
                    plots.push(picture.write(workload, &group, metric, out)?);
                }
            }
        }
    }
    Ok(plots)
}

/// The first number of a workload is always drawn.
fn is_drawn(metric: &Metric, workload: &WorkloadResults) -> bool {
    DRAWN.contains(&metric.key.as_str()) || workload.metrics.first() == Some(metric)
}

fn groups(workload: &WorkloadResults) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for cell in workload.cells.iter().filter(|cell| cell.x.is_some()) {
        if !groups.contains(&cell.group) {
            groups.push(cell.group.clone());
        }
    }
    groups
}

struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

struct Picture {
    title: String,
    x_title: String,
    y_title: String,
    lines: Vec<Line>,
}

impl Picture {
    fn new(workload: &WorkloadResults, group: &str, metric: &Metric, axis: &str) -> Picture {
        let cells: Vec<&CellResults> =
            workload.cells.iter().filter(|cell| cell.group == group && cell.x.is_some()).collect();
        let mut lines: Vec<Line> = Vec::new();
        for cell in cells {
            for entry in &cell.entries {
                let (Some(x), Some(y)) = (cell.x, entry.median(&metric.key)) else { continue };
                let name = Entry::name(entry);
                match lines.iter_mut().find(|line| line.name == name) {
                    Some(line) => line.points.push((x, y)),
                    None => lines.push(Line { name, points: vec![(x, y)] }),
                }
            }
        }
        Picture {
            title: format!("{}, {group}: {}", workload.title, metric.title),
            x_title: axis.to_owned(),
            y_title: format!("{}, {}", metric.title, metric.unit),
            lines,
        }
    }

    fn write(
        &self,
        workload: &WorkloadResults,
        group: &str,
        metric: &Metric,
        out: &Path,
    ) -> Result<Plot, Error> {
        let name = format!("{}-{group}-{}", workload.name, metric.key);
        let file = format!("{}.svg", name.replace(|letter: char| !letter.is_alphanumeric(), "-"));
        fs::write(out.join(&file), self.svg()?)?;
        Ok(Plot { workload: workload.name.clone(), title: self.title.clone(), file })
    }

    /// Both axes are logarithmic: connections grow by factors, and so do latencies.
    fn svg(&self) -> Result<String, Error> {
        let mut text = String::new();
        {
            let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
            root.fill(&WHITE)?;
            let (x, y) = (self.range(|point| point.0, 1.15), self.range(|point| point.1, 1.1));
            let (x_ticks, y_ticks) = (self.measured_at(), ticks(&y));
            let (x_count, y_count) = (x_ticks.len(), y_ticks.len());
            let mut chart = ChartBuilder::on(&root)
                .caption(&self.title, ("sans-serif", 18))
                .margin(12)
                .margin_right(190)
                .x_label_area_size(42)
                .y_label_area_size(78)
                .build_cartesian_2d(
                    x.log_scale().with_key_points(x_ticks),
                    y.log_scale().with_key_points(y_ticks),
                )?;
            chart
                .configure_mesh()
                .x_desc(&self.x_title)
                .y_desc(&self.y_title)
                .x_labels(x_count)
                .y_labels(y_count)
                .x_label_formatter(&|value| format!("{value:.0}"))
                .y_label_formatter(&|value| readable(*value))
                .light_line_style(TRANSPARENT)
                .bold_line_style(RGBColor(225, 225, 225))
                .draw()?;
            // From the last to the first, so that ours lies above the others.
            for (index, line) in self.lines.iter().enumerate().rev() {
                let style = style(&line.name, index);
                chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
                chart.draw_series(
                    line.points.iter().map(|point| Circle::new(*point, 3, style.filled())),
                )?;
                self.legend(&root, &line.name, index, style)?;
            }
            root.present()?;
        }
        Ok(text)
    }

    /// The name of a line, right of the picture, in the order of the report's tables.
    fn legend(
        &self,
        root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        name: &str,
        index: usize,
        style: ShapeStyle,
    ) -> Result<(), Error> {
        let (left, top) = (SIZE.0 as i32 - 180, 60 + index as i32 * 22);
        root.draw(&PathElement::new(vec![(left, top), (left + 18, top)], style))?;
        let font = ("sans-serif", 13).into_font();
        root.draw(&Text::new(name.to_owned(), (left + 24, top - 6), font))?;
        Ok(())
    }

    /// Where there are points, each place once.
    fn measured_at(&self) -> Vec<f64> {
        let mut places: Vec<f64> =
            self.lines.iter().flat_map(|line| &line.points).map(|point| point.0).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        places
    }

    /// From the least to the greatest coordinate, with some room at both ends.
    fn range(&self, part: impl Fn(&(f64, f64)) -> f64, room: f64) -> std::ops::Range<f64> {
        let values = || self.lines.iter().flat_map(|line| &line.points).map(&part);
        let least = values().fold(f64::INFINITY, f64::min).max(1e-3);
        let greatest = values().fold(least, f64::max);
        least / room..greatest * room
    }
}

/// Round numbers within a range of a logarithmic axis: steps of one size where it is short, else 1, 2
/// and 5 of each decade.
fn ticks(range: &std::ops::Range<f64>) -> Vec<f64> {
    let round = |value: f64| {
        let decade = 10f64.powf(value.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * decade >= value * 0.999);
        step.unwrap_or(10.0) * decade
    };
    let mut ticks = Vec::new();
    if range.end / range.start < 8.0 {
        let step = round((range.end - range.start) / 6.0);
        let mut count = (range.start / step).ceil();
        while count * step <= range.end {
            ticks.push(count * step);
            count += 1.0;
        }
    } else {
        let mut value = round(range.start);
        while value <= range.end {
            ticks.push(value);
            value = round(value * 1.01);
        }
    }
    ticks
}

/// Ours is red and thick, the limits are grey, the peers have colours that can be told apart.
fn style(name: &str, index: usize) -> ShapeStyle {
    const COLOURS: [RGBColor; 8] = [
        RGBColor(31, 119, 180),
        RGBColor(255, 127, 14),
        RGBColor(44, 160, 44),
        RGBColor(148, 103, 189),
        RGBColor(140, 86, 75),
        RGBColor(227, 119, 194),
        RGBColor(23, 190, 207),
        RGBColor(188, 189, 34),
    ];
    let (colour, width) = match name.split(' ').next().unwrap_or_default() {
        "annulus" => (RGBColor(214, 39, 40), 3),
        "raw-uring" => (RGBColor(60, 60, 60), 2),
        "raw-epoll" => (RGBColor(150, 150, 150), 2),
        _ => (COLOURS[index % COLOURS.len()], 2),
    };
    colour.stroke_width(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_names_its_lines_and_axes() {
        let line = |name: &str, scale: f64| Line {
            name: name.into(),
            points: vec![(1.0, 20_000.0 * scale), (32.0, 4400.0 * scale), (1000.0, 4600.0)],
        };
        let picture = Picture {
            title: "TCP echo, 64 B: server CPU".into(),
            x_title: "connections".into(),
            y_title: "server CPU, ns/request".into(),
            lines: vec![line("annulus (recv)", 1.0), line("tokio (owned)", 1.1)],
        };
        let svg = picture.svg().expect("a picture");
        for word in ["annulus (recv)", "tokio (owned)", "connections", "ns/request", "<svg"] {
            assert!(svg.contains(word), "{word} is not in the picture");
        }
    }

    #[test]
    fn ticks_are_round_and_within_the_range() {
        assert_eq!(ticks(&(4000.0..9000.0)), [4000.0, 5000.0, 6000.0, 7000.0, 8000.0, 9000.0]);
        assert_eq!(ticks(&(80.0..3000.0)), [100.0, 200.0, 500.0, 1000.0, 2000.0]);
    }

    #[test]
    fn a_range_has_room_and_survives_zeroes() {
        let points = vec![(1.0, 0.0), (10.0, 5.0)];
        let line = Line { name: "a".into(), points };
        let [title, x_title, y_title] = [(); 3].map(|()| String::new());
        let picture = Picture { title, x_title, y_title, lines: vec![line] };
        let range = picture.range(|point| point.1, 1.1);
        assert!(range.start > 0.0 && range.start < 1e-3 && range.end > 5.0);
    }
}
