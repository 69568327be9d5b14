//! Tells the linker what an addon of Node's needs.

fn main() {
    napi_build::setup();
}
