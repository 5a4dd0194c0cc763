package main

import (
	"strings"
	"unicode/utf8"
)

// pieces are what goes wrong when a value is quoted: Go's %q, JSON and Rust's {:?} each treat some of them differently.
var pieces = []string{
	`"`, `\`, `'`, "`", "\a", "\b", "\f", "\n", "\r", "\t", "\v", "\x00", "\x01", "\x1b", "\x1f", "\x7f", " ", "%s", "%!", "{}",
	"<&>", `\u0041`, "\u0080", "\u0085", "\u009f", "\u00a0", "\u00ad", "\u00e9", "e\u0301", "\u0378", "\u061c", "\u115f", "\u1680",
	"\u180e", "\u2003", "\u200b", "\u200d", "\u200e", "\u2028", "\u2029", "\u202e", "\u3000", "\ue000", "\ufe0f", "\ufeff",
	"\ufff9", "\ufffd", "\uffff", "\U00010000", "\U0001f600", "\U0001f468\u200d\U0001f469", "\U0001d173", "\U000e0001",
	"\U000f0000", "\U0010ffff", "a", "Z", "localhost/", "unconfined", "ALL", ", ", "=",
}

// awkward is a string that is hard to print.
func (d *draft) awkward() string {
	var made strings.Builder
	for range 1 + d.IntN(4) {
		if d.chance(0.75) {
			made.WriteString(pick(d, pieces...))
			continue
		}
		limit := pick[rune](d, 0x80, 0x800, 0x10000, utf8.MaxRune+1)
		if c := d.Int32N(limit); utf8.ValidRune(c) {
			made.WriteRune(c)
		}
	}
	return made.String()
}

// off is one of the near misses given or, now and then, an awkward string.
func (d *draft) off(near ...string) string {
	if d.chance(0.2) {
		return d.awkward()
	}
	return pick(d, near...)
}
