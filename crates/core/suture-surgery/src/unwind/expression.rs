//! DWARF expressions in unwind tables: procedure linkage stubs, signal trampolines and hand-written code
//! say with them where the caller's registers are.

use gimli::{
    Encoding, EndianSlice, Evaluation, EvaluationResult, EvaluationStorage, Format, LittleEndian, Piece,
    Value,
};

use super::StopReason;
use super::context::Context;
use crate::memory::Memory;

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// Most operations of one evaluation; an expression can loop.
const OPERATIONS_MAX: u32 = 1000;

const ENCODING: Encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };

/// Room for one evaluation without the heap; deeper ones are refused.
struct Room;

impl<'a> EvaluationStorage<Bytes<'a>> for Room {
    type Stack = [Value; 32];
    type ExpressionStack = [(Bytes<'a>, Bytes<'a>); 1];
    type Result = [Piece<Bytes<'a>>; 1];
}

/// The value that `expression` leaves on its stack, which begins with `initial` if there is one.
pub(super) fn evaluate(
    expression: &[u8],
    initial: Option<u64>,
    context: &Context,
    memory: &dyn Memory,
) -> Result<u64, StopReason> {
    let bad = |_| StopReason::BadTable { pc: context.rip() };
    let refused = StopReason::BadTable { pc: context.rip() };
    let bytecode = EndianSlice::new(expression, LittleEndian);
    let mut evaluation = Evaluation::<_, Room>::new_in(bytecode, ENCODING);
    evaluation.set_max_iterations(OPERATIONS_MAX);
    if let Some(value) = initial {
        evaluation.set_initial_value(value);
    }
    let mut result = evaluation.evaluate().map_err(bad)?;
    loop {
        result = match result {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = context.get(register).ok_or(refused)?;
                evaluation.resume_with_register(Value::Generic(value)).map_err(bad)?
            }
            EvaluationResult::RequiresMemory { address, size, space: None, .. } => {
                let mut word = [0; 8];
                let read = word.get_mut(..usize::from(size)).ok_or(refused)?;
                memory.read(address, read).map_err(|_| StopReason::Unreadable { address })?;
                let value = Value::Generic(u64::from_le_bytes(word));
                evaluation.resume_with_memory(value).map_err(bad)?
            }
            _ => return Err(refused),
        };
    }
    evaluation.value_result().and_then(|value| value.to_u64(u64::MAX).ok()).ok_or(refused)
}
