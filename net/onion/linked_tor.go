//go:build tor

package onion

/*
#cgo linux,amd64 CFLAGS: -I${SRCDIR}/../../build/cache/libtor-amd64/include
#cgo linux,arm64 CFLAGS: -I${SRCDIR}/../../build/cache/libtor-arm64/include
#cgo linux,amd64 LDFLAGS: -L${SRCDIR}/../../build/cache/libtor-amd64/lib
#cgo linux,arm64 LDFLAGS: -L${SRCDIR}/../../build/cache/libtor-arm64/lib
#cgo LDFLAGS: -ltor -levent -lssl -lcrypto -lz -lseccomp -lm -lpthread -ldl
#include <stdlib.h>
#include <tor_api.h>
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"
)

// Linked is the version of the Tor in this binary, empty when there is none.
func Linked() string {
	return strings.TrimPrefix(C.GoString(C.tor_api_get_provider_version()), "tor ")
}

// ChildMain must be the first thing that main does: in the process that is to be Tor it does not return.
func ChildMain() {
	if os.Args[0] != childName {
		return
	}
	runtime.LockOSThread()
	if err := confine(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitNoCell)
	}
	config := C.tor_main_configuration_new()
	if config == nil {
		os.Exit(exitNoTor)
	}
	// What Tor is given lives as long as the process.
	argv := (**C.char)(C.calloc(C.size_t(len(os.Args)+1), C.size_t(unsafe.Sizeof((*C.char)(nil)))))
	words := unsafe.Slice(argv, len(os.Args)+1)
	for i, a := range os.Args {
		words[i] = C.CString(a)
	}
	if C.tor_main_configuration_set_command_line(config, C.int(len(os.Args)), argv) != 0 {
		os.Exit(exitNoTor)
	}
	os.Exit(int(C.tor_run_main(config)))
}
