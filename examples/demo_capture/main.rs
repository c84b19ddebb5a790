//! Writes the demo capture: `make demo-capture` remakes `demo/demo.pcapng`.

mod story;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: demo_capture FILE")?;
    std::fs::write(path, story::capture())?;
    Ok(())
}
