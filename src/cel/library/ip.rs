//! IP addresses and ranges of them, read as Go's `net/netip` reads them.

#![expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]

use core::net::IpAddr;
use std::fmt;

use super::{Evaluated, Row, error, global, member, text};
use crate::cel::evaluate::{Frame, no_overload};
use crate::cel::program::Fault;
use crate::cel::value::Value;

pub(super) const ROWS: &[Row] = &[
    global("ip(string) -> ip", ip),
    global("isIP(string) -> bool", is_ip),
    global("ip.isCanonical(string) -> bool", is_canonical),
    member("ip.family() -> int", family),
    member("ip.isUnspecified() -> bool", is_unspecified),
    member("ip.isLoopback() -> bool", is_loopback),
    member("ip.isLinkLocalMulticast() -> bool", is_link_local_multicast),
    member("ip.isLinkLocalUnicast() -> bool", is_link_local_unicast),
    member("ip.isGlobalUnicast() -> bool", is_global_unicast),
    global("cidr(string) -> cidr", cidr),
    global("isCIDR(string) -> bool", is_cidr),
    member("cidr.containsIP(string) -> bool", contains_ip),
    member("cidr.containsIP(ip) -> bool", contains_ip),
    member("cidr.containsCIDR(string) -> bool", contains_cidr),
    member("cidr.containsCIDR(cidr) -> bool", contains_cidr),
    member("cidr.ip() -> ip", address_of),
    member("cidr.prefixLength() -> int", prefix_length),
    member("cidr.masked() -> cidr", masked),
];

/// An address and how many of its first bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Neither zones nor IPv4 addresses in the clothes of IPv6 are taken.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => None,
        address => Some(address),
    }
}

fn parse_cidr(text: &str) -> Option<Cidr> {
    let (address, bits) = text.rsplit_once('/')?;
    let address = parse_ip(address)?;
    let plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let bits: u8 = plain.then(|| bits.parse().ok())??;
    (bits <= width(&address)).then_some(Cidr { address, bits })
}

fn width(address: &IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl Cidr {
    fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.bits)).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - self.bits)).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        Self { address, ..self }
    }

    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && Self { address, ..self }.masked().address == self.masked().address
    }
}

fn address(value: &Value<'_>) -> Result<IpAddr, Fault> {
    match value {
        Value::Ip(address) => Ok(**address),
        Value::String(text) => parse_ip(text)
            .ok_or_else(|| Fault::Error(format!("{} is no IP address", value.shown()))),
        other => Err(no_overload("an address", &[*other])),
    }
}

fn range(value: &Value<'_>) -> Result<Cidr, Fault> {
    match value {
        Value::Cidr(range) => Ok(**range),
        Value::String(text) => {
            parse_cidr(text).ok_or_else(|| Fault::Error(format!("{} is no CIDR", value.shown())))
        }
        other => Err(no_overload("a range", &[*other])),
    }
}

fn ip<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.arena().one(address(&args[0])?).map(Value::Ip)
}

fn is_ip<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(parse_ip(text(args, 0)).is_some()))
}

fn is_canonical<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    match parse_ip(text(args, 0)) {
        Some(address) => Ok(Value::Bool(address.to_string() == text(args, 0))),
        None => error(format!("{} is no IP address", args[0].shown())),
    }
}

fn family<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Int(if address(&args[0])?.is_ipv4() { 4 } else { 6 }))
}

fn is_unspecified<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(address(&args[0])?.is_unspecified()))
}

fn is_loopback<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(address(&args[0])?.is_loopback()))
}

fn is_link_local_multicast<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(match address(&args[0])? {
        IpAddr::V4(v4) => v4.octets()[..3] == [224, 0, 0],
        IpAddr::V6(v6) => v6.segments()[0] & 0xff0f == 0xff02,
    }))
}

fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn is_link_local_unicast<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(link_local(address(&args[0])?)))
}

/// Private addresses are global ones here, as in Go.
fn is_global_unicast<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let address = address(&args[0])?;
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    Ok(Value::Bool(!special && !broadcast && !link_local(address)))
}

fn cidr<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.arena().one(range(&args[0])?).map(Value::Cidr)
}

fn is_cidr<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(parse_cidr(text(args, 0)).is_some()))
}

fn contains_ip<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Bool(range(&args[0])?.contains(address(&args[1])?)))
}

fn contains_cidr<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    let (outer, inner) = (range(&args[0])?, range(&args[1])?);
    Ok(Value::Bool(outer.bits <= inner.bits && outer.contains(inner.address)))
}

fn address_of<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.arena().one(range(&args[0])?.address).map(Value::Ip)
}

fn prefix_length<'a>(_: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    Ok(Value::Int(i64::from(range(&args[0])?.bits)))
}

fn masked<'a>(frame: &mut Frame<'_, 'a>, args: &[Value<'a>]) -> Evaluated<'a> {
    frame.arena().one(range(&args[0])?.masked()).map(Value::Cidr)
}
