//! Times the hot paths: `cargo bench --bench wall_clock`, with a part of a name to time fewer.
//!
//! For looking at, on a quiet machine; what holds the paths to their cost is `instructions`.

#![allow(missing_docs, reason = "criterion's macro makes a function without")]

#[allow(dead_code, reason = "what only the counting of instructions needs")]
mod loops;

use criterion::{Criterion, criterion_group, criterion_main};

fn paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("paths");
    group.sample_size(20);
    for path in loops::LOOPS {
        group.bench_function(path.name, |bencher| {
            bencher.iter_custom(|rounds| (path.run)(rounds).time);
        });
    }
    group.finish();
}

criterion_group!(benches, paths);
criterion_main!(benches);
