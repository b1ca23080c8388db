//! How the program itself is linked.

/// What is relocated at each start keeps a processor from the target before the first line of the program (ADR 19).
#[test]
fn nothing_is_relocated_when_the_program_starts() {
    /// `ET_EXEC` and `ET_DYN`, the types of ELF files that are executables at a fixed place and at any.
    const FIXED: u16 = 2;
    const ANYWHERE: u16 = 3;
    let file = std::fs::read(env!("CARGO_BIN_EXE_suture")).unwrap();
    let wanted = if option_env!("SUTURE_PIE").is_some() { ANYWHERE } else { FIXED };
    assert_eq!(u16::from_le_bytes([file[16], file[17]]), wanted);
}
