//go:build !tor

package onion

import (
	"fmt"
	"os"
)

// Linked is the version of the Tor in this binary, empty when there is none.
func Linked() string { return "" }

// ChildMain must be the first thing that main does: in the process that is to be Tor it does not return.
func ChildMain() {
	if os.Args[0] == childName {
		fmt.Fprintln(os.Stderr, ErrNotBuilt)
		os.Exit(exitNoTor)
	}
}
