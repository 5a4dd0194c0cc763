package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// A tally counts what the cases covered, to tell whether the generator is any good.
type tally struct {
	cases, allowed map[string]int
	ran, failed    map[string]int
}

func newTally() *tally {
	return &tally{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
}

func (t *tally) add(j *judged) error {
	for _, group := range []string{"all", j.Level, j.Level + " " + j.Version} {
		t.cases[group]++
		if j.Allowed {
			t.allowed[group]++
		}
	}
	for _, check := range j.ran {
		t.ran[j.Level+" "+check.Check+" "+check.Since]++
	}
	for _, failure := range j.Results {
		t.failed[j.Level+" "+failure.Check+" "+failure.Since]++
	}
	return nil
}

func (t *tally) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "cases\tcount\tallowed")
	for _, group := range slices.Sorted(maps.Keys(t.cases)) {
		fmt.Fprintf(table, "%s\t%d\t%d\n", group, t.cases[group], t.allowed[group])
	}
	fmt.Fprintln(table, "level\tcheck\tsince\tran\tfailed")
	for _, check := range slices.Sorted(maps.Keys(t.ran)) {
		fmt.Fprintf(table, "%s\t%d\t%d\n", strings.ReplaceAll(check, " ", "\t"), t.ran[check], t.failed[check])
	}
	return table.Flush()
}
