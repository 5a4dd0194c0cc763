//! Kubernetes' quantities, such as `100Mi`: exact decimal numbers with a suffix.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, Sign};

use super::{Evaluated, Row, error, global, member, text};
use crate::cel::arena::Arena;
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("quantity(string) -> quantity", parse),
    global("isQuantity(string) -> bool", is_quantity),
    global("sign(quantity) -> int", sign),
    member("quantity.isInteger() -> bool", is_integer),
    member("quantity.asInteger() -> int", as_integer),
    member("quantity.asApproximateFloat() -> double", as_float),
    member("quantity.add(quantity) -> quantity", add),
    member("quantity.add(int) -> quantity", add),
    member("quantity.sub(quantity) -> quantity", subtract),
    member("quantity.sub(int) -> quantity", subtract),
    member("quantity.isGreaterThan(quantity) -> bool", is_greater),
    member("quantity.isLessThan(quantity) -> bool", is_less),
    member("quantity.compareTo(quantity) -> int", compare_to),
];

/// A quantity, as `apimachinery` keeps it: in 64 bits where it can, else in as many digits as it takes. Which of
/// the two decides what `isInteger` says, so it is kept here as well.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Quantity<'a> {
    /// `value × 10^scale`.
    Small(i64, i32),
    /// Digits with a sign, `× 10^scale`.
    Large(&'a str, i32),
}

/// The same while it is computed.
enum Number {
    Small(i64, i32),
    Large(BigInt, i32),
}

/// No exponent beyond this is worth anything to a cluster, and all arithmetic stays within bounds.
const LARGEST_EXPONENT: i32 = 1_000;
/// How many digits always fit in 64 bits.
const SMALL_DIGITS: usize = 18;
/// How many digits a quantity may be written with.
const LONGEST: usize = 4_096;
/// The finest place that a quantity has.
const NANO: i32 = -9;

impl Number {
    /// Reads a number with a suffix. What is finer than a billionth is rounded away from zero.
    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if number.is_empty() || fraction.contains('.') || text.len() > LONGEST {
            return None;
        }
        let suffix = suffix_of(suffix)?;
        let whole = whole.trim_start_matches('0');
        let digits = format!("{whole}{fraction}");
        let scale = -i32::try_from(fraction.len()).ok()?;
        let fits = |used: usize| digits.len() + used <= SMALL_DIGITS;
        let small: Option<i64> = match suffix {
            Suffix::Decimal(exponent) if fits(0) && scale + exponent >= NANO => {
                Some(if digits.is_empty() { 0 } else { digits.parse().ok()? })
            }
            // Ten bits are worth about three digits.
            Suffix::Binary(exponent)
                if fraction.is_empty() && fits(4 + exponent as usize * 3 / 10) =>
            {
                let number: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
                number.checked_mul(1 << exponent)
            }
            _ => None,
        };
        let exponent = if let Suffix::Decimal(exponent) = suffix { exponent } else { 0 };
        if let Some(small) = small {
            return Some(Self::Small(if negative { -small } else { small }, scale + exponent));
        }
        let mut large: BigInt =
            if digits.is_empty() { BigInt::ZERO } else { digits.parse().ok()? };
        if let Suffix::Binary(exponent) = suffix {
            large <<= exponent;
            // As upstream has it, and only for these.
            large = large.min(raised(BigInt::from(i64::MAX), scale.abs()));
        }
        let (large, scale) = round_up(large, scale + exponent);
        Some(Self::Large(if negative { -large } else { large }, scale))
    }

    fn keep<'a>(&self, arena: &'a Arena) -> Result<Value<'a>, Fault> {
        let quantity = match self {
            Self::Small(value, scale) => Quantity::Small(*value, *scale),
            Self::Large(digits, scale) => Quantity::Large(arena.text(&digits.to_string())?, *scale),
        };
        arena.one(quantity).map(Value::Quantity)
    }

    /// The sum; in 64 bits where both are and it fits.
    fn add(&self, other: &Self) -> Self {
        if let (Self::Small(a, a_scale), Self::Small(b, b_scale)) = (self, other) {
            if *b == 0 {
                return Self::Small(*a, *a_scale);
            }
            if *a == 0 {
                return Self::Small(*b, *b_scale);
            }
            let least = *a_scale.min(b_scale);
            let sum = scaled(*a, a_scale - least)
                .and_then(|a| a.checked_add(scaled(*b, b_scale - least)?));
            if let Some(sum) = sum {
                return Self::Small(sum, least);
            }
        }
        let ((a, a_scale), (b, b_scale)) = (self.large(), other.large());
        let least = a_scale.min(b_scale);
        Self::Large(raised(a, a_scale - least) + raised(b, b_scale - least), least)
    }

    fn negate(self) -> Self {
        match self {
            Self::Small(value, scale) => match value.checked_neg() {
                Some(value) => Self::Small(value, scale),
                None => Self::Large(-BigInt::from(value), scale),
            },
            Self::Large(digits, scale) => Self::Large(-digits, scale),
        }
    }

    fn large(&self) -> (BigInt, i32) {
        match self {
            Self::Small(value, scale) => (BigInt::from(*value), *scale),
            Self::Large(digits, scale) => (digits.clone(), *scale),
        }
    }

    fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Small(value, scale) if *scale >= 0 => scaled(*value, *scale),
            _ => None,
        }
    }
}

/// `number × 10^by`.
fn scaled(number: i64, by: i32) -> Option<i64> {
    number.checked_mul(10_i64.checked_pow(u32::try_from(by).ok()?)?)
}

fn raised(number: BigInt, by: i32) -> BigInt {
    number * BigInt::from(10).pow(by.unsigned_abs())
}

/// At most nine places behind the point; what is cut off rounds away from zero.
fn round_up(number: BigInt, scale: i32) -> (BigInt, i32) {
    if scale >= NANO {
        return (number, scale);
    }
    let factor = BigInt::from(10).pow((NANO - scale).unsigned_abs());
    let whole = &number / &factor;
    let rest = &whole * &factor != number;
    (whole + BigInt::from(i32::from(rest)), NANO)
}

#[derive(Clone, Copy)]
enum Suffix {
    /// A power of ten.
    Decimal(i32),
    /// A power of two.
    Binary(u8),
}

fn suffix_of(suffix: &str) -> Option<Suffix> {
    Some(match suffix {
        "" => Suffix::Decimal(0),
        "n" => Suffix::Decimal(-9),
        "u" => Suffix::Decimal(-6),
        "m" => Suffix::Decimal(-3),
        "k" => Suffix::Decimal(3),
        "M" => Suffix::Decimal(6),
        "G" => Suffix::Decimal(9),
        "T" => Suffix::Decimal(12),
        "P" => Suffix::Decimal(15),
        "E" => Suffix::Decimal(18),
        "Ki" => Suffix::Binary(10),
        "Mi" => Suffix::Binary(20),
        "Gi" => Suffix::Binary(30),
        "Ti" => Suffix::Binary(40),
        "Pi" => Suffix::Binary(50),
        "Ei" => Suffix::Binary(60),
        other => {
            let exponent: i32 = other.strip_prefix(['e', 'E'])?.parse().ok()?;
            Suffix::Decimal((exponent.abs() <= LARGEST_EXPONENT).then_some(exponent)?)
        }
    })
}

impl Quantity<'_> {
    fn number(&self) -> Number {
        match self {
            Self::Small(value, scale) => Number::Small(*value, *scale),
            Self::Large(digits, scale) => Number::Large(digits.parse().unwrap_or_default(), *scale),
        }
    }

    pub(in super::super) fn compare(&self, other: &Quantity<'_>) -> Ordering {
        let ((a, a_scale), (b, b_scale)) = (self.number().large(), other.number().large());
        let least = a_scale.min(b_scale);
        raised(a, a_scale - least).cmp(&raised(b, b_scale - least))
    }
}

/// Without zeros at the end, so that what is equal reads the same.
impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, scale) = self.number().large();
        let digits = digits.to_string();
        let kept = digits.trim_end_matches('0');
        let cut = i32::try_from(digits.len() - kept.len()).unwrap_or_default();
        match scale + cut {
            _ if digits == "0" => f.write_str("0"),
            0 => f.write_str(kept),
            scale => write!(f, "{kept}e{scale}"),
        }
    }
}

/// The quantity at `index`; an int stands for one.
fn number(frame: &mut Frame<'_, '_>, args: &[Value<'_>], index: usize) -> Result<Number, Fault> {
    match args[index] {
        Value::Quantity(Quantity::Small(value, scale)) => Ok(Number::Small(*value, *scale)),
        Value::Quantity(quantity @ Quantity::Large(digits, scale)) => {
            // Large ones are aligned by powers of ten as wide as their scales are apart.
            frame.charge(digits.len() as u64 + u64::from(scale.unsigned_abs()) / 8)?;
            Ok(quantity.number())
        }
        Value::Int(value) => Ok(Number::Small(value, 0)),
        _ => Err(no_overload("a quantity", args)),
    }
}

fn parse<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    match Number::parse(text(args, 0)) {
        Some(number) => number.keep(frame.arena()),
        None => error(format!("{} is no quantity", args[0].shown())),
    }
}

fn is_quantity<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.charge(args[0].weight())?;
    Ok(Value::Bool(Number::parse(text(args, 0)).is_some()))
}

fn sign<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Int(match number(frame, args, 0)?.large().0.sign() {
        Sign::Plus => 1,
        Sign::NoSign => 0,
        Sign::Minus => -1,
    }))
}

fn is_integer<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(number(frame, args, 0)?.as_integer().is_some()))
}

fn as_integer<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match number(frame, args, 0)?.as_integer() {
        Some(number) => Ok(Value::Int(number)),
        None => error("the quantity is no integer of 64 bits"),
    }
}

fn as_float<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (digits, scale) = number(frame, args, 0)?.large();
    // Two roundings, as upstream has it.
    let base = read(&digits.to_string());
    Ok(Value::Double(if scale == 0 { base } else { base * power_of_ten(scale) }))
}

fn read(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// As Go has it: from two parts, of which one counts in steps of 32.
fn power_of_ten(exponent: i32) -> f64 {
    let (far, near) = (exponent / 32 * 32, exponent % 32);
    let (far, near) = (read(&format!("1e{far}")), read(&format!("1e{}", near.abs())));
    if exponent < 0 { far / near } else { far * near }
}

fn add<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (a, b) = (number(frame, args, 0)?, number(frame, args, 1)?);
    a.add(&b).keep(frame.arena())
}

fn subtract<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (a, b) = (number(frame, args, 0)?, number(frame, args, 1)?);
    a.add(&b.negate()).keep(frame.arena())
}

fn order(frame: &mut Frame<'_, '_>, args: &[Value<'_>]) -> Result<Ordering, Fault> {
    number(frame, args, 1)?;
    number(frame, args, 0)?;
    match (args[0], args[1]) {
        (Value::Quantity(a), Value::Quantity(b)) => Ok(a.compare(b)),
        _ => Err(no_overload("the order of quantities", args)),
    }
}

fn is_greater<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(order(frame, args)? == Ordering::Greater))
}

fn is_less<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(order(frame, args)? == Ordering::Less))
}

fn compare_to<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Int(order(frame, args)? as i64))
}
