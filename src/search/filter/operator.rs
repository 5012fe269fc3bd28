//! The functions and operators of CQL2 by name.

/// `=` and its kin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that holds when the two sides are exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Whether it holds of two values in this order.
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// How two shapes lie to one another (OGC Simple Features).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spatial {
    Intersects,
    Disjoint,
    Equals,
    Touches,
    Within,
    Contains,
    Overlaps,
    Crosses,
}

/// How two times lie to one another (Allen's relations, and two for any that share an instant or none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temporal {
    After,
    Before,
    Contains,
    Disjoint,
    During,
    Equals,
    FinishedBy,
    Finishes,
    Intersects,
    Meets,
    MetBy,
    OverlappedBy,
    Overlaps,
    StartedBy,
    Starts,
}

/// How two arrays, read as sets, lie to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sets {
    Equals,
    Contains,
    ContainedBy,
    Overlaps,
}

/// Arithmetic on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    /// Division without its fraction, towards zero.
    Whole,
}

/// Any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Not,
    IsNull,
    Between,
    In,
    Like,
    CaseI,
    AccentI,
    Comparison(Comparison),
    Spatial(Spatial),
    Temporal(Temporal),
    Sets(Sets),
    Arithmetic(Arithmetic),
}

/// All names as CQL2 spells them.
const NAMES: [(&str, Operator); 49] = [
    ("and", Operator::And),
    ("or", Operator::Or),
    ("not", Operator::Not),
    ("=", Operator::Comparison(Comparison::Equal)),
    ("<>", Operator::Comparison(Comparison::NotEqual)),
    ("<", Operator::Comparison(Comparison::Less)),
    ("<=", Operator::Comparison(Comparison::LessOrEqual)),
    (">", Operator::Comparison(Comparison::Greater)),
    (">=", Operator::Comparison(Comparison::GreaterOrEqual)),
    ("isNull", Operator::IsNull),
    ("between", Operator::Between),
    ("in", Operator::In),
    ("like", Operator::Like),
    ("casei", Operator::CaseI),
    ("accenti", Operator::AccentI),
    ("s_intersects", Operator::Spatial(Spatial::Intersects)),
    ("s_disjoint", Operator::Spatial(Spatial::Disjoint)),
    ("s_equals", Operator::Spatial(Spatial::Equals)),
    ("s_touches", Operator::Spatial(Spatial::Touches)),
    ("s_within", Operator::Spatial(Spatial::Within)),
    ("s_contains", Operator::Spatial(Spatial::Contains)),
    ("s_overlaps", Operator::Spatial(Spatial::Overlaps)),
    ("s_crosses", Operator::Spatial(Spatial::Crosses)),
    ("t_after", Operator::Temporal(Temporal::After)),
    ("t_before", Operator::Temporal(Temporal::Before)),
    ("t_contains", Operator::Temporal(Temporal::Contains)),
    ("t_disjoint", Operator::Temporal(Temporal::Disjoint)),
    ("t_during", Operator::Temporal(Temporal::During)),
    ("t_equals", Operator::Temporal(Temporal::Equals)),
    ("t_finishedBy", Operator::Temporal(Temporal::FinishedBy)),
    ("t_finishes", Operator::Temporal(Temporal::Finishes)),
    ("t_intersects", Operator::Temporal(Temporal::Intersects)),
    ("t_meets", Operator::Temporal(Temporal::Meets)),
    ("t_metBy", Operator::Temporal(Temporal::MetBy)),
    ("t_overlappedBy", Operator::Temporal(Temporal::OverlappedBy)),
    ("t_overlaps", Operator::Temporal(Temporal::Overlaps)),
    ("t_startedBy", Operator::Temporal(Temporal::StartedBy)),
    ("t_starts", Operator::Temporal(Temporal::Starts)),
    ("a_equals", Operator::Sets(Sets::Equals)),
    ("a_contains", Operator::Sets(Sets::Contains)),
    ("a_containedBy", Operator::Sets(Sets::ContainedBy)),
    ("a_overlaps", Operator::Sets(Sets::Overlaps)),
    ("+", Operator::Arithmetic(Arithmetic::Add)),
    ("-", Operator::Arithmetic(Arithmetic::Subtract)),
    ("*", Operator::Arithmetic(Arithmetic::Multiply)),
    ("/", Operator::Arithmetic(Arithmetic::Divide)),
    ("%", Operator::Arithmetic(Arithmetic::Modulo)),
    ("^", Operator::Arithmetic(Arithmetic::Power)),
    ("div", Operator::Arithmetic(Arithmetic::Whole)),
];

/// What earlier drafts and clients write.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("!=", "<>"),
    ("eq", "="),
    ("neq", "<>"),
    ("lt", "<"),
    ("lte", "<="),
    ("gt", ">"),
    ("gte", ">="),
    ("intersects", "s_intersects"),
];

/// Finds an operator, in any case, with its name as CQL2 spells it.
pub(super) fn find(name: &str) -> Option<(&'static str, Operator)> {
    let other = OTHER_NAMES.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    let name = other.map_or(name, |(_, name)| *name);
    let name = match name.get(..3) {
        Some(start) if start.eq_ignore_ascii_case("st_") => {
            format!("s_{}", name.get(3..).unwrap_or_default())
        }
        _ => name.to_owned(),
    };
    let name = if name.eq_ignore_ascii_case("anyinteracts") { "t_intersects" } else { name.as_str() };
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied()
}

/// All names, for an error.
pub(super) fn known() -> String {
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    names.join(", ") + ", date, timestamp, interval, bbox"
}
