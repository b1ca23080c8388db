//! Links the command at a fixed address, so that little is left to do when it starts (ADR 19). With `SUTURE_PIE` in the environment it
//! is position-independent, like other programs.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SUTURE_PIE");
    if std::env::var_os("SUTURE_PIE").is_none() {
        println!("cargo::rustc-link-arg-bin=suture=-no-pie");
    }
}
