//! Where debug mode is turned on and off.

use annulus::{Builder, Handle};

use super::common::child::Child;

/// Whether a loop is in debug mode: only then are ages known and enters metered.
fn is_debugging(builder: Builder) -> bool {
    builder.build().expect("a loop").block_on(async {
        let handle = Handle::current();
        let knows_ages = handle.dump().expect("a loop").tasks[0].age.is_some();
        assert_eq!(knows_ages, handle.metrics().expect("a loop").enter_times.is_some());
        knows_ages
    })
}

#[test]
fn the_environment_turns_it_on_where_the_program_does_not_say() {
    Child::of(concat!(
        module_path!(),
        "::the_environment_turns_it_on_where_the_program_does_not_say"
    ))
    .under(&["env", "ANNULUS_DEBUG=1"])
    .run(|| {
        assert!(is_debugging(Builder::new()));
        assert!(is_debugging(Builder::new().debug(true)));
        assert!(!is_debugging(Builder::new().debug(false)));
    });
}

#[test]
fn a_zero_in_the_environment_is_off() {
    Child::of(concat!(module_path!(), "::a_zero_in_the_environment_is_off"))
        .under(&["env", "ANNULUS_DEBUG=0"])
        .run(|| {
            assert!(!is_debugging(Builder::new()));
            assert!(is_debugging(Builder::new().debug(true)));
        });
}

#[test]
fn without_either_it_is_off() {
    Child::of(concat!(module_path!(), "::without_either_it_is_off"))
        .under(&["env", "-u", "ANNULUS_DEBUG"])
        .run(|| {
            assert!(!is_debugging(Builder::new()));
            assert!(is_debugging(Builder::new().debug(true)));
        });
}
