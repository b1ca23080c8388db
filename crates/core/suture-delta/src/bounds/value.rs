//! What a register or a word of the stack may hold, as far as it matters for one address between two objects.

/// Sources of an address, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Roots(u8);

impl Roots {
    /// The address in question.
    pub(super) const HERE: Self = Self(1);
    /// The same address, taken at another place: it may mean something else.
    pub(super) const AGAIN: Self = Self(1 << 6);
    /// Anything else.
    pub(super) const OTHER: Self = Self(1 << 7);
    /// As many objects as can be told apart.
    pub(super) const OBJECTS_MAX: usize = 5;

    /// An address inside the object with this number.
    pub(super) fn object(number: usize) -> Self {
        if number < Self::OBJECTS_MAX { Self(2 << number) } else { Self::OTHER }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The number of the object, if it is from one object and nothing else.
    pub(super) fn only_object(self) -> Option<usize> {
        (0..Self::OBJECTS_MAX).find(|number| Self::object(*number) == self)
    }
}

/// How far something is from where it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shift {
    /// Just so many bytes.
    Exact(i64),
    /// Some way up, or not at all.
    Up,
    /// Some way down, or not at all.
    Down,
    /// Some way down.
    Below,
    /// Anywhere.
    Any,
}

impl Shift {
    fn join(self, other: Self) -> Self {
        let is = |test: fn(Self) -> bool| test(self) && test(other);
        match (self, other) {
            _ if self == other => self,
            _ if is(Self::is_up) => Self::Up,
            _ if is(Self::is_below) => Self::Below,
            _ if is(Self::is_down) => Self::Down,
            _ => Self::Any,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let is = |test: fn(Self) -> bool| test(self) && test(other);
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(a.wrapping_add(b)),
            _ if is(Self::is_up) => Self::Up,
            _ if is(Self::is_down) && (self.is_below() || other.is_below()) => Self::Below,
            _ if is(Self::is_down) => Self::Down,
            _ => Self::Any,
        }
    }

    pub(super) fn minus(self) -> Self {
        match self {
            Self::Exact(by) => Self::Exact(by.wrapping_neg()),
            Self::Up => Self::Down,
            Self::Down | Self::Below => Self::Up,
            Self::Any => Self::Any,
        }
    }

    pub(super) fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Exact(0..))
    }

    fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Below | Self::Exact(..=0))
    }

    pub(super) fn is_below(self) -> bool {
        matches!(self, Self::Below | Self::Exact(..0))
    }
}

/// What is known of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// A place of the function's own frame: distance from where the stack pointer stood at its entry.
    Stack(i64),
    /// A number by itself.
    Number(Shift),
    /// An address, that far from one of its sources, or from somewhere inside one.
    From(Roots, Shift),
}

impl Value {
    pub(super) const UNKNOWN: Self = Self::From(Roots::OTHER, Shift::Any);

    pub(super) fn roots(self) -> Roots {
        match self {
            Self::From(roots, _) => roots,
            Self::Stack(_) | Self::Number(_) => Roots::OTHER,
        }
    }

    /// How far it is from the address in question, if it is that and nothing else.
    pub(super) fn here(self) -> Option<Shift> {
        match self {
            Self::From(Roots::HERE, shift) => Some(shift),
            _ => None,
        }
    }

    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Number(a), Self::Number(b)) => Self::Number(a.join(b)),
            (Self::From(a, x), Self::From(b, y)) => Self::From(a.or(b), x.join(y)),
            _ => Self::From(self.roots().or(other.roots()), Shift::Any),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => Self::Number(a.plus(b)),
            (Self::Stack(at), Self::Number(Shift::Exact(by)))
            | (Self::Number(Shift::Exact(by)), Self::Stack(at)) => Self::Stack(at.wrapping_add(by)),
            (Self::From(roots, shift), Self::Number(by)) | (Self::Number(by), Self::From(roots, shift)) => {
                Self::From(roots, shift.plus(by))
            }
            // What is added to an address is no address.
            (Self::From(Roots::OTHER, _), Self::From(roots, _))
            | (Self::From(roots, _), Self::From(Roots::OTHER, _)) => Self::From(roots, Shift::Any),
            _ => Self::From(self.roots().or(other.roots()).or(Roots::OTHER), Shift::Any),
        }
    }

    /// `self` less `other`: an address less a number. The distance of two addresses is some number.
    pub(super) fn less(self, other: Self) -> Self {
        match other {
            Self::Number(by) => self.plus(Self::Number(by.minus())),
            _ => Self::From(self.roots().or(Roots::OTHER), Shift::Any),
        }
    }

    /// So many times it.
    pub(super) fn times(self, scale: u32) -> Self {
        match self {
            Self::Number(Shift::Exact(number)) => {
                Self::Number(Shift::Exact(number.wrapping_mul(i64::from(scale))))
            }
            Self::Number(_) if scale == 0 => Self::Number(Shift::Exact(0)),
            Self::Number(_) => self,
            _ if scale == 1 => self,
            _ => Self::UNKNOWN,
        }
    }

    /// Whether it is a number that is not negative.
    pub(super) fn is_natural(self) -> bool {
        matches!(self, Self::Number(shift) if shift.is_up())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Roots, Shift, Value};

    fn holds(shift: Shift, number: i64) -> bool {
        match shift {
            Shift::Exact(by) => number == by,
            Shift::Up => number >= 0,
            Shift::Down => number <= 0,
            Shift::Below => number < 0,
            Shift::Any => true,
        }
    }

    fn shifts_of(number: i64) -> impl Strategy<Value = Shift> {
        let all = [Shift::Exact(number), Shift::Up, Shift::Down, Shift::Below, Shift::Any];
        let fit: Vec<Shift> = all.into_iter().filter(|shift| holds(*shift, number)).collect();
        prop::sample::select(fit)
    }

    fn numbers() -> impl Strategy<Value = (i64, Shift)> {
        (-64..64_i64).prop_flat_map(|number| (Just(number), shifts_of(number)))
    }

    proptest! {
        /// What is known of two numbers holds for what is reckoned with them.
        #[test]
        fn what_is_known_holds((a, x) in numbers(), (b, y) in numbers(), scale in 0..8_u32) {
            prop_assert!(holds(x.plus(y), a + b));
            prop_assert!(holds(x.minus(), -a));
            prop_assert!(holds(x.join(y), a) && holds(x.join(y), b));
            let Value::Number(times) = Value::Number(x).times(scale) else { unreachable!() };
            prop_assert!(holds(times, a * i64::from(scale)));
        }

        /// Joining goes up, and ends.
        #[test]
        fn joining_is_a_lattice((_, x) in numbers(), (_, y) in numbers(), (_, z) in numbers()) {
            prop_assert_eq!(x.join(y), y.join(x));
            prop_assert_eq!(x.join(y).join(y), x.join(y));
            prop_assert_eq!(x.join(y).join(z).join(x), x.join(y).join(z));
        }
    }

    #[test]
    fn sources_are_told_apart() {
        let here = Value::From(Roots::HERE, Shift::Exact(0));
        let object = Value::From(Roots::object(0), Shift::Any);
        assert_eq!(here.plus(Value::Number(Shift::Exact(4))).here(), Some(Shift::Exact(4)));
        assert_eq!(here.plus(Value::UNKNOWN).here(), Some(Shift::Any));
        assert_eq!(here.join(object).here(), None);
        assert_eq!(object.roots().only_object(), Some(0));
        assert_eq!(here.join(object).roots().only_object(), None);
        assert_eq!(Roots::object(Roots::OBJECTS_MAX), Roots::OTHER);
    }
}
