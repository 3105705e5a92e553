//go:build hil

package hil

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// root is the repository, seen from the package's folder.
var root = func() string {
	r, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return r
}()

// reportDir holds the report that a person reads: report.md and its pictures. HIL_REPORT is another folder below build.
var reportDir = filepath.Join(root, "build", cmp.Or(os.Getenv("HIL_REPORT"), "hil"))

var reporting sync.Mutex

// note appends to the report.
func note(format string, a ...any) {
	reporting.Lock()
	defer reporting.Unlock()
	f, err := os.OpenFile(filepath.Join(reportDir, "report.md"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintf(f, format, a...)
}
