//! A type, one level deep: what it consists of, and which other types these are.

use super::entry::EntryId;

/// What a type is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A number, a character, a truth value.
    Base {
        /// Name.
        name: String,
        /// `DW_ATE_*`: how the bits are read.
        encoding: u8,
        /// Size in bytes.
        size: u64,
    },
    /// A pointer or reference.
    Pointer {
        /// Name, where the language gives pointers one.
        name: Option<String>,
        /// Which kind.
        kind: PointerKind,
        /// What it points to; `None`: anything.
        target: Option<EntryId>,
    },
    /// A pointer to a member of a class.
    MemberPointer {
        /// The class.
        class: Option<EntryId>,
        /// What the member is.
        target: Option<EntryId>,
    },
    /// Elements one after another.
    Array {
        /// What each is.
        element: Option<EntryId>,
        /// How many, for each dimension; `None`: as many as there are.
        counts: Vec<Option<u64>>,
    },
    /// Another name (`typedef`), or another access (`const`, `volatile`), to the same thing.
    Alias {
        /// The name, if it is one.
        name: Option<String>,
        /// The thing.
        target: Option<EntryId>,
    },
    /// A structure, class or union.
    Aggregate(Box<Aggregate>),
    /// An enumeration.
    Enumeration(Enumeration),
    /// A function.
    Function {
        /// What it returns.
        result: Option<EntryId>,
        /// What it takes.
        parameters: Vec<Option<EntryId>>,
    },
    /// A type of which only the name is known here.
    Declaration {
        /// Name.
        name: String,
    },
    /// A type without values or layout, such as that of `nullptr`.
    Unspecified {
        /// Name.
        name: String,
    },
}

/// Which kind of pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PointerKind {
    /// `T *`
    Pointer,
    /// `T &`
    Reference,
    /// `T &&`
    RvalueReference,
}

/// A structure, class or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// Which.
    pub kind: AggregateKind,
    /// Size in bytes.
    pub size: u64,
    /// Base classes, in order.
    pub bases: Vec<Member>,
    /// Members, in order; a pointer to a table of virtual functions is one.
    pub members: Vec<Member>,
    /// Members of which only one set is there at a time (Rust enumerations).
    pub variants: Option<Variants>,
    /// Virtual functions: place in the table and linkage name.
    pub virtuals: Vec<(u64, String)>,
    /// Types that an instance of a template, or of something generic, is made with, in order.
    pub arguments: Vec<Option<EntryId>>,
}

/// Which kind of aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateKind {
    /// A structure or class.
    Structure,
    /// A union.
    Union,
}

/// A member or base class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name; empty if it has none.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Size in bits of a bit field.
    pub bits: Option<u64>,
    /// What it is.
    pub type_id: Option<EntryId>,
}

/// Where a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// So many bits from the beginning.
    Bit(u64),
    /// Where a computation in the running program says (virtual base classes): its encoding.
    Computed(Vec<u8>),
}

/// Sets of members of which one is there at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants {
    /// The member that says which set is there.
    pub discriminant: Option<Member>,
    /// The sets, in order.
    pub variants: Vec<Variant>,
}

/// One set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The value of the discriminant; `None`: any other.
    pub value: Option<u64>,
    /// Its members.
    pub members: Vec<Member>,
}

/// An enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enumeration {
    /// Size in bytes.
    pub size: u64,
    /// Names and values, in order; values are taken modulo 2^64.
    pub values: Vec<(String, u64)>,
}
