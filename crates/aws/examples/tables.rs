//! Measures what the tables cost: time to read them, and resident memory before and after.

use std::time::Instant;

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn main() {
    let before = resident_kb();
    let start = Instant::now();
    let model = aws::Model::bundled();
    let took = start.elapsed();
    let operations: usize = model.services().iter().map(|service| service.operations().len()).sum();
    let shapes: usize = model.services().iter().map(|service| service.shapes().len()).sum();
    let resident = resident_kb() - before;
    println!(
        "{} services, {operations} operations, {shapes} shapes: {took:?}, {resident} kB",
        model.services().len()
    );
}
