package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"sotto/hal"
)

// A step is one line of a script, checked before the first one runs: a script with a mistake presses no key at all.
type step struct {
	line  int
	verb  string
	keys  []hal.Key
	text  string
	match *regexp.Regexp
	time  time.Duration
}

// parseScript reads a whole script. Lines: `press KEY`, `hold KEY`, `type 1234`, `wait REGEX 10s`, `screen`,
// `shot FILE.png`, `sleep 2s`, `health`, `quit`; `#` begins a comment line.
func parseScript(r io.Reader) ([]step, error) {
	var steps []step
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		s, ok, err := parseStep(sc.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if ok {
			s.line = n
			steps = append(steps, s)
		}
	}
	return steps, sc.Err()
}

// parseStep reads one line; ok is false for an empty line or a comment.
func parseStep(line string) (s step, ok bool, err error) {
	line = strings.TrimSpace(line)
	if line == "" || (strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "#!")) {
		return s, false, nil
	}
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	s = step{verb: verb, text: rest}
	switch verb {
	case "press", "hold":
		for _, name := range strings.Fields(rest) {
			k, known := hal.ParseKey(name)
			if !known {
				return s, false, fmt.Errorf("%q is not a key; keys are 0-9 * # call end ok up down left right softL softR", name)
			}
			s.keys = append(s.keys, k)
		}
		if len(s.keys) == 0 {
			return s, false, fmt.Errorf("%s wants a key", verb)
		}
	case "type":
		for _, c := range rest {
			k, known := hal.ParseKey(string(c))
			if !known {
				return s, false, fmt.Errorf("type takes digits, * and #, not %q", c)
			}
			s.keys = append(s.keys, k)
		}
	case "wait":
		pattern, limit := rest, 10*time.Second
		if i := strings.LastIndex(rest, " "); i > 0 {
			if d, err := time.ParseDuration(rest[i+1:]); err == nil {
				pattern, limit = strings.TrimSpace(rest[:i]), d
			}
		}
		s.time = limit
		if s.match, err = regexp.Compile(pattern); err != nil || pattern == "" {
			return s, false, fmt.Errorf("wait wants a regular expression, as: wait SECURE 10s")
		}
	case "sleep":
		if s.time, err = time.ParseDuration(rest); err != nil {
			return s, false, fmt.Errorf("sleep wants a duration, as: sleep 2s")
		}
	case "shot":
		if rest == "" {
			return s, false, fmt.Errorf("shot wants a file name, as: shot idle.png")
		}
	case "screen", "health", "quit":
	default:
		return s, false, fmt.Errorf("%q is not a verb; verbs are press hold type wait screen shot sleep quit", verb)
	}
	return s, true, nil
}
