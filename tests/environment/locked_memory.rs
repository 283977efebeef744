//! A limit of 64 KiB on locked memory: too little for a loop, and enough for a small one.

use annulus::{Builder, SetupCause};

use crate::common::child::Child;
use crate::common::net::half_pair;
use crate::common::process;

const LIMIT: u64 = 64 * 1024;

#[test]
fn too_little_locked_memory_is_said_with_numbers_and_a_small_loop_fits() {
    let path = concat!(
        module_path!(),
        "::too_little_locked_memory_is_said_with_numbers_and_a_small_loop_fits"
    );
    Child::of(path).run(|| {
        process::limit_locked_memory(LIMIT);
        process::drop_privileges();
        match Builder::new().build() {
            Ok(_) => eprintln!("this kernel does not charge rings (5.12 to 6.13)"),
            Err(error) => {
                let SetupCause::MemlockLimit { limit_bytes, need_bytes } = error.cause() else {
                    panic!("{error}");
                };
                assert_eq!(limit_bytes, LIMIT);
                assert!(need_bytes > LIMIT && need_bytes < 4 * LIMIT, "{need_bytes}");
                let text = error.to_string();
                for words in ["256 submissions", "64 KiB", "RLIMIT_MEMLOCK", "LimitMEMLOCK="] {
                    assert!(text.contains(words), "no `{words}` in: {text}");
                }
            }
        }
        // As the advice says: fewer entries. A pool that does not fit costs copies only.
        let runtime = Builder::new().entries(64).cq_entries(256).build().expect("a small loop");
        runtime.block_on(async {
            let (near, mut far) = half_pair();
            std::io::Write::write_all(&mut far, b"hello").unwrap();
            assert_eq!(&*near.recv().await.unwrap(), b"hello");
        });
        assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
    });
}
