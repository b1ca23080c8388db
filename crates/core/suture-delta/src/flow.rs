//! All ways through a function's code, instruction by instruction, until nothing new is learnt.
//!
//! Forward data flow over a lattice of finite height (Kildall, "A unified approach to global program
//! optimization", 1973). Where control may come from who knows where (landing pads of exceptions, the cases of a
//! jump table) an instruction is entered with all that holds anywhere.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpAccess};

use crate::fields::is_near_branch;
use crate::side::{EntityId, Side};

/// What is known before an instruction.
pub(crate) trait State: Clone + PartialEq {
    /// What holds whichever of two ways was taken.
    fn join(&self, other: &Self) -> Self;
}

/// An instruction, and where it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'c> {
    pub(crate) instruction: &'c Instruction,
    /// The target of its branch, if that is not in this piece of code.
    pub(crate) outside: Option<u64>,
}

/// The instructions of a function, and what is known before each; `None` before those that nothing leads to.
pub(crate) struct Known<S> {
    pub(crate) code: Vec<Instruction>,
    pub(crate) before: Vec<Option<S>>,
}

impl<S> Known<S> {
    /// The instructions that something leads to, each with what is known before it.
    pub(crate) fn places(&self) -> impl Iterator<Item = (Place<'_>, &S)> {
        let reached = self.code.iter().zip(&self.before);
        reached.filter_map(|(instruction, before)| {
            let outside = target(instruction).filter(|at| index_of(&self.code, *at).is_none());
            Some((Place { instruction, outside }, before.as_ref()?))
        })
    }
}

/// Where the branch leads that an instruction is, if it says so.
fn target(instruction: &Instruction) -> Option<u64> {
    is_near_branch(instruction).then(|| instruction.near_branch_target())
}

fn index_of(code: &[Instruction], address: u64) -> Option<usize> {
    code.binary_search_by_key(&address, Instruction::ip).ok()
}

/// Follows the code of `function` from what is known at its `entry`. `step` says what is known behind an instruction; where it
/// says `None` there is no answer at all, as if the code is not in the file.
pub(crate) fn follow<S: State>(
    side: &Side<'_, '_>,
    function: EntityId,
    entry: &S,
    mut step: impl FnMut(Place<'_>, &S) -> Option<S>,
) -> Option<Known<S>> {
    let bytes = side.bytes(function)?;
    let decoder = Decoder::with_ip(64, bytes, side.entity(function).address, DecoderOptions::NONE);
    let code: Vec<Instruction> = decoder.into_iter().collect();
    let mut ways = Ways { before: vec![None; code.len()], open: Vec::new() };
    let mut anywhere = entry.clone();
    ways.enter(0, entry);
    let jumps_anywhere = code.iter().any(|one| one.flow_control() == FlowControl::IndirectBranch);
    loop {
        while let Some(index) = ways.open.pop() {
            let Some(state) = ways.before[index].clone() else { continue };
            let instruction = &code[index];
            let target = target(instruction);
            let inside = target.and_then(|at| index_of(&code, at));
            let after = step(Place { instruction, outside: target.filter(|_| inside.is_none()) }, &state)?;
            anywhere = anywhere.join(&after);
            if goes_on(instruction) {
                ways.enter(index + 1, &after);
            }
            if let Some(target) = inside.filter(|_| instruction.flow_control() != FlowControl::Call) {
                ways.enter(target, &after);
            }
        }
        for (index, instruction) in code.iter().enumerate() {
            let is_way_in = ways.before[index].is_none() && !is_padding(instruction);
            if is_way_in || jumps_anywhere {
                ways.enter(index, &anywhere);
            }
        }
        if ways.open.is_empty() {
            return Some(Known { code, before: ways.before });
        }
    }
}

struct Ways<S> {
    before: Vec<Option<S>>,
    open: Vec<usize>,
}

impl<S: State> Ways<S> {
    /// Notes that the instruction with this index is reached with this knowledge.
    fn enter(&mut self, index: usize, state: &S) {
        let Some(known) = self.before.get_mut(index) else { return };
        let merged = known.as_ref().map_or_else(|| state.clone(), |known| known.join(state));
        if known.as_ref() != Some(&merged) {
            *known = Some(merged);
            self.open.push(index);
        }
    }
}

/// Whether it does nothing but fill what is between two ways: nobody jumps there.
fn is_padding(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3)
}

fn goes_on(instruction: &Instruction) -> bool {
    !matches!(
        instruction.flow_control(),
        FlowControl::Return | FlowControl::UnconditionalBranch | FlowControl::IndirectBranch
    )
}

/// Whether something is read, if only at times.
pub(crate) fn reads(access: OpAccess) -> bool {
    use OpAccess::{CondRead, Read, ReadCondWrite, ReadWrite};
    matches!(access, Read | CondRead | ReadWrite | ReadCondWrite)
}

/// Whether something is written, if only at times.
pub(crate) fn writes(access: OpAccess) -> bool {
    use OpAccess::{CondWrite, ReadCondWrite, ReadWrite, Write};
    matches!(access, Write | CondWrite | ReadWrite | ReadCondWrite)
}
