"""The functions and operators that a rule of a CustomResourceDefinition may call, and what each takes and gives.

Those of Kubernetes 1.37; a test asks a real kube-apiserver about them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from katib_codegen.cel_types import CelType, filled, fits, parsed, split

Overload = tuple[tuple[CelType, ...], CelType]
"""What is taken, that of which a method is called first, and what is given."""

_ORDERED = ("int", "uint", "double", "bool", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")

_FUNCTIONS = """
size(string) int; size(bytes) int; size(list(A)) int; size(map(A,B)) int
int(int) int; int(uint) int; int(double) int; int(string) int; int(timestamp) int; int(duration) int
uint(uint) uint; uint(int) uint; uint(double) uint; uint(string) uint
double(double) double; double(int) double; double(uint) double; double(string) double
string(string) string; string(bool) string; string(int) string; string(uint) string; string(double) string
string(bytes) string; string(timestamp) string; string(duration) string; string(ip) string; string(cidr) string
bool(bool) bool; bool(string) bool; bytes(bytes) bytes; bytes(string) bytes; dyn(A) dyn; type(A) type
duration(string) duration; duration(duration) duration
timestamp(string) timestamp; timestamp(int) timestamp; timestamp(timestamp) timestamp
matches(string,string) bool; quantity(string) quantity; isQuantity(string) bool; url(string) url; isURL(string) bool
ip(string) ip; isIP(string) bool; ip.isCanonical(string) bool; cidr(string) cidr; isCIDR(string) bool
semver(string) semver; semver(string,bool) semver; isSemver(string) bool; isSemver(string,bool) bool
strings.quote(string) string; lists.range(int) list(int)
sets.contains(list(A),list(A)) bool; sets.equivalent(list(A),list(A)) bool; sets.intersects(list(A),list(A)) bool
optional.of(A) optional(A); optional.ofNonZeroValue(A) optional(A); optional.none() optional(A)
format.named(string) optional(format); format.dns1123Label() format; format.dns1123Subdomain() format
format.dns1035Label() format; format.qualifiedName() format; format.dns1123LabelPrefix() format
format.dns1123SubdomainPrefix() format; format.dns1035LabelPrefix() format; format.labelValue() format
format.uri() format; format.uuid() format; format.byte() format; format.date() format; format.datetime() format
"""
_METHODS = """
string.size() int; bytes.size() int; list(A).size() int; map(A,B).size() int
string.contains(string) bool; string.startsWith(string) bool; string.endsWith(string) bool; string.matches(string) bool
string.charAt(int) string; string.indexOf(string) int; string.indexOf(string,int) int; string.lowerAscii() string
string.lastIndexOf(string) int; string.lastIndexOf(string,int) int; string.upperAscii() string; string.trim() string
string.replace(string,string) string; string.replace(string,string,int) string; string.format(list(dyn)) string
string.split(string) list(string); string.split(string,int) list(string)
string.substring(int) string; string.substring(int,int) string
string.find(string) string; string.findAll(string) list(string); string.findAll(string,int) list(string)
list(string).join() string; list(string).join(string) string
list(A).indexOf(A) int; list(A).lastIndexOf(A) int; list(A).distinct() list(A); list(A).reverse() list(A)
list(A).slice(int,int) list(A); list(A).first() optional(A); list(A).last() optional(A)
list(list(A)).flatten() list(A); list(dyn).flatten(int) list(dyn)
duration.getHours() int; duration.getMinutes() int; duration.getSeconds() int; duration.getMilliseconds() int
quantity.isLessThan(quantity) bool; quantity.isGreaterThan(quantity) bool; quantity.compareTo(quantity) int
quantity.isInteger() bool; quantity.asInteger() int; quantity.asApproximateFloat() double; quantity.sign() int
quantity.add(quantity) quantity; quantity.add(int) quantity; quantity.sub(quantity) quantity; quantity.sub(int) quantity
url.getScheme() string; url.getHost() string; url.getHostname() string; url.getPort() string
url.getEscapedPath() string; url.getQuery() map(string,list(string))
ip.family() int; ip.isUnspecified() bool; ip.isLoopback() bool; ip.isGlobalUnicast() bool
ip.isLinkLocalMulticast() bool; ip.isLinkLocalUnicast() bool
cidr.ip() ip; cidr.prefixLength() int; cidr.masked() cidr; cidr.containsIP(ip) bool; cidr.containsIP(string) bool
cidr.containsCIDR(cidr) bool; cidr.containsCIDR(string) bool
semver.isLessThan(semver) bool; semver.isGreaterThan(semver) bool; semver.compareTo(semver) int
semver.major() int; semver.minor() int; semver.patch() int; format.validate(string) optional(list(string))
optional(A).hasValue() bool; optional(A).value() A; optional(A).orValue(A) A; optional(A).or(optional(A)) optional(A)
"""
_TIMES = (
    "Date", "DayOfMonth", "DayOfWeek", "DayOfYear", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds"
)  # fmt: skip
_OPERATORS = """
in(A,list(A)) bool; in(A,map(A,B)) bool; []=(list(A),int) A; []=(map(A,B),A) B; eq(A,A) bool
add(string,string) string; add(bytes,bytes) bytes; add(list(A),list(A)) list(A); add(duration,duration) duration
add(timestamp,duration) timestamp; add(duration,timestamp) timestamp; sub(duration,duration) duration
sub(timestamp,timestamp) duration; sub(timestamp,duration) timestamp; mod(int,int) int; mod(uint,uint) uint
neg(int) int; neg(double) double; not(bool) bool
"""


def _declared(text: str) -> Iterator[tuple[str, Overload]]:
    for line in re.split(r"[;\n]", text.strip()):
        head, gives = line.strip().rsplit(" ", 1)
        name, _, takes = head.partition("(")
        yield name, (tuple(parsed(part) for part in split(takes.removesuffix(")"))), parsed(gives))


def _methods(text: str) -> Iterator[tuple[str, Overload]]:
    """Methods are functions whose first value stands before the dot."""
    for line in re.split(r"[;\n]", text.strip()):
        match = re.fullmatch(r"(\w+(?:\(.*?\)+)?)\.(\w+)\((.*)\) (\S+)", line.strip())
        assert match is not None, line
        takes = (match[1], *split(match[3]))
        yield match[2], (tuple(parsed(part) for part in takes), parsed(match[4]))


def _by_name(pairs: Iterator[tuple[str, Overload]]) -> Mapping[str, Sequence[Overload]]:
    found: dict[str, list[Overload]] = {}
    for name, overload in pairs:
        found.setdefault(name, []).append(overload)
    return found


def _all_methods() -> str:
    lines = [_METHODS.strip()]
    for kind in _ORDERED:
        lines += [f"list({kind}).isSorted() bool; list({kind}).min() {kind}; list({kind}).max() {kind}"]
        lines += [f"list({kind}).sort() list({kind})"]
    lines += [f"list({kind}).sum() {kind}" for kind in (*_NUMBERS, "duration")]
    lines += [f"timestamp.get{part}() int; timestamp.get{part}(string) int" for part in _TIMES]
    return "\n".join(lines)


def _all_operators() -> str:
    lines = [_OPERATORS.strip()]
    lines += [f"{name}({kind},{kind}) {kind}" for name in ("add", "sub", "mul", "div") for kind in _NUMBERS]
    # Numbers of all kinds have one order.
    lines += [f"less({kind},{other}) bool" for kind in _NUMBERS for other in _NUMBERS]
    lines += [f"less({kind},{kind}) bool" for kind in _ORDERED if kind not in _NUMBERS]
    return "\n".join(lines)


FUNCTIONS = _by_name(_declared(_FUNCTIONS))
METHODS = _by_name(_methods(_all_methods()))
OPERATORS = _by_name(_declared(_all_operators().replace("[]=", "at")))
NAMESPACES = tuple(sorted({name.split(".")[0] for name in FUNCTIONS if "." in name}))
TYPES = ("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint")
"""Types that are values, to compare with type(self)."""


def given(overloads: Sequence[Overload], values: Sequence[CelType]) -> CelType | None:
    """What a call with such values gives; None where none of the overloads takes them."""
    found: list[CelType] = []
    for takes, gives in overloads:
        bound: dict[str, CelType] = {}
        if len(takes) == len(values) and all(fits(*pair, bound) for pair in zip(takes, values, strict=True)):
            found.append(filled(gives, bound))
    if not found:
        return None
    return found[0] if all(other == found[0] for other in found) else CelType("dyn")
