//! The committed demo capture is what its program writes, so that nobody has to trust a binary file.

#[path = "../examples/demo_capture/story/mod.rs"]
mod story;

#[test]
fn the_committed_demo_capture_is_what_its_program_writes() {
    let committed = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/demo.pcapng")).unwrap();
    assert!(committed == story::capture(), "demo/demo.pcapng differs; run `make demo-capture` and look at the change");
}
