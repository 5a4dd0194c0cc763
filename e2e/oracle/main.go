// Command oracle asks upstream's own evaluator, k8s.io/pod-security-admission, to judge pods, and writes one JSON line
// for each: the pod, the verdict, and every word of the reasons. Podgate is then held to those lines.
//
//	oracle fixtures                     the module's own test pods, each at its own level and version
//	oracle random -count N -seed S      made-up pods, half of them a step or two from the line
//	oracle admission -count N -seed S   made-up requests, answered by upstream's whole admission plugin
//	oracle judge                        the pods of the lines on stdin: id, level, version and pod of each
//	oracle runes                        every Unicode scalar value, in a place where upstream quotes it
//	oracle expressions                  the CEL expressions of the lines on stdin, as Kubernetes 1.33 to 1.37 evaluate them
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("what: fixtures, random, admission, judge, runes or expressions?")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	count := flags.Uint64("count", 200_000, "random, admission: how many")
	first := flags.Uint64("first", 0, "random, admission: number of the first, to see one again alone")
	seed := flags.Uint64("seed", 1, "random, admission: seed; the same seed and number make the same")
	testdata := flags.String("testdata", "", "fixtures: directory to read; found with `go list` when empty")
	stats := flags.Bool("stats", false, "count what was covered, on stderr, instead of writing the pods")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}

	out := bufio.NewWriterSize(stdout, 1<<20)
	encoder := json.NewEncoder(out)
	// Objects must leave as they were judged, byte for byte, so `<` stays `<`.
	encoder.SetEscapeHTML(false)
	sink := sink(func(j *judged) error { return encoder.Encode(j) })
	tally := newTally()
	if *stats {
		sink = tally.add
	}

	var err error
	switch args[0] {
	case "fixtures":
		err = fixtures(*testdata, sink)
	case "random":
		err = random(*seed, *first, *count, sink)
	case "admission":
		err = reviews(*seed, *first, *count, encoder.Encode)
	case "judge":
		err = questions(stdin, sink)
	case "runes":
		err = runes(sink)
	case "expressions":
		err = expressions(stdin, encoder.Encode)
	default:
		err = fmt.Errorf("no such pods: %q", args[0])
	}
	if err != nil {
		return err
	}
	if *stats {
		return tally.print(stderr)
	}
	return out.Flush()
}

// A sink takes the judged cases, in order.
type sink func(*judged) error
