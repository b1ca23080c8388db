//! One row of an unwind table: how to compute the registers of the caller from those of a frame.
//!
//! The rules are those of DWARF 5, section 6.4.1. What the psABI leaves open is taken as GCC's unwinder
//! takes it: a register without a rule keeps its value, and the stack pointer of the caller is the
//! canonical frame address (CFA).

use gimli::{CfaRule, RegisterRule, UnwindContextStorage, UnwindExpression, UnwindTableRow};

use super::StopReason;
use super::context::{COUNT, Context, RIP, RSP};
use super::expression::evaluate;
use crate::memory::Memory;

/// A row in a form that is quick to apply and small enough to be kept for each place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    cfa: Cfa,
    rules: [Rule; COUNT],
    /// One bit for each register whose rule is not [`Rule::Same`].
    changed: u32,
    /// Whether the frame is the one that the kernel makes for a signal handler to return to: its caller
    /// was interrupted and made no call.
    pub(super) is_signal: bool,
}

#[derive(Debug, Clone, Copy)]
enum Cfa {
    Register { register: u16, offset: i64 },
    Expression(Span),
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    Same,
    Undefined,
    /// Saved at CFA + n.
    Saved(i32),
    /// CFA + n itself.
    Value(i32),
    Register(u16),
    SavedAt(Span),
    ValueOf(Span),
}

/// A piece of the `.eh_frame` that holds an expression.
#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u32,
    len: u16,
}

/// The frame above, and how it was found.
pub(super) struct Caller {
    pub(super) context: Context,
    pub(super) cfa: u64,
    /// Where the return address stands.
    pub(super) slot: Option<u64>,
    /// Whether there is a caller at all; the outermost frame declares its return address undefined.
    pub(super) exists: bool,
}

impl Row {
    /// Compiles a row of gimli's; `None` if it has rules that x86-64 tables have not, or does not say
    /// where the return address is.
    pub(super) fn new<S>(row: &UnwindTableRow<usize, S>, is_signal: bool) -> Option<Self>
    where
        S: UnwindContextStorage<usize>,
    {
        let cfa = match *row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => Cfa::Register { register: register.0, offset },
            CfaRule::Expression(expression) => Cfa::Expression(Span::new(expression)?),
        };
        let mut rules = [Rule::Same; COUNT];
        rules[RSP] = Rule::Value(0);
        for (register, rule) in row.registers() {
            // Vector registers hold no addresses.
            if let Some(place) = rules.get_mut(usize::from(register.0)) {
                *place = Rule::new(rule)?;
            }
        }
        let is_changed =
            |(register, rule): (usize, &Rule)| u32::from(!matches!(rule, Rule::Same)) << register;
        let changed = rules.iter().enumerate().map(is_changed).sum();
        let leads_on = changed & 1 << RIP != 0;
        leads_on.then_some(Self { cfa, rules, changed, is_signal })
    }

    /// The registers of the caller of the frame with these registers. `section` is the `.eh_frame` that the
    /// row came from.
    pub(super) fn apply(
        &self,
        context: &Context,
        section: &[u8],
        memory: &dyn Memory,
    ) -> Result<Caller, StopReason> {
        let bad = StopReason::BadTable { pc: context.rip() };
        let run = |span: Span, initial| evaluate(span.of(section).ok_or(bad)?, initial, context, memory);
        let read = |address| memory.read_u64(address).map_err(|_| StopReason::Unreadable { address });
        let cfa = match self.cfa {
            Cfa::Register { register, offset } => {
                context.get(gimli::Register(register)).ok_or(bad)?.wrapping_add_signed(offset)
            }
            Cfa::Expression(span) => run(span, None)?,
        };
        let mut caller = Caller { context: *context, cfa, slot: None, exists: true };
        let mut rest = self.changed;
        while rest != 0 {
            let register = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let mut saved_at = None;
            let value = match self.rules[register] {
                Rule::Same => continue,
                Rule::Undefined => None,
                Rule::Value(offset) => Some(cfa.wrapping_add_signed(offset.into())),
                Rule::Register(from) => context.get(gimli::Register(from)),
                Rule::ValueOf(span) => Some(run(span, Some(cfa))?),
                Rule::Saved(offset) => {
                    let address = cfa.wrapping_add_signed(offset.into());
                    saved_at = Some(address);
                    Some(read(address)?)
                }
                Rule::SavedAt(span) => {
                    let address = run(span, Some(cfa))?;
                    saved_at = Some(address);
                    Some(read(address)?)
                }
            };
            caller.context.set(register, value);
            if register == RIP {
                caller.slot = saved_at;
                caller.exists = value.is_some();
            }
        }
        Ok(caller)
    }
}

impl Rule {
    fn new(rule: &RegisterRule<usize>) -> Option<Self> {
        Some(match *rule {
            RegisterRule::Undefined => Self::Undefined,
            RegisterRule::SameValue => Self::Same,
            RegisterRule::Offset(offset) => Self::Saved(offset.try_into().ok()?),
            RegisterRule::ValOffset(offset) => Self::Value(offset.try_into().ok()?),
            RegisterRule::Register(register) => Self::Register(register.0),
            RegisterRule::Expression(expression) => Self::SavedAt(Span::new(expression)?),
            RegisterRule::ValExpression(expression) => Self::ValueOf(Span::new(expression)?),
            _ => return None,
        })
    }
}

impl Span {
    fn new(expression: UnwindExpression<usize>) -> Option<Self> {
        Some(Self { offset: expression.offset.try_into().ok()?, len: expression.length.try_into().ok()? })
    }

    fn of(self, section: &[u8]) -> Option<&[u8]> {
        section.get(self.offset as usize..)?.get(..usize::from(self.len))
    }
}
