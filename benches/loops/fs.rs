//! Files.

use annulus::BufResult;
use annulus::fs::File;

use super::{Cost, costs, on_a_loop};

const BLOCK: usize = 4096;
const BLOCKS: u64 = 16;

pub(crate) fn reads(rounds: u64) -> Cost {
    let path = std::env::temp_dir().join(format!("annulus-bench-{}", std::process::id()));
    std::fs::write(&path, vec![7; BLOCK * BLOCKS as usize]).expect("a file");
    let took = on_a_loop(async {
        let file = File::open(&path).await.expect("the file");
        costs(async move {
            let mut buf = Vec::with_capacity(BLOCK);
            for round in 0..rounds {
                buf.clear();
                let offset = round % BLOCKS * BLOCK as u64;
                let BufResult(read, back) = file.read_at(buf, offset).await;
                assert_eq!(read.expect("a read"), BLOCK);
                buf = back;
            }
        })
        .await
    });
    std::fs::remove_file(&path).expect("the file is removed");
    took
}
