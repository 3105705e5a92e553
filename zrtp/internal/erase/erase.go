// Package erase overwrites secrets. It promises that the octets it is given read zero afterwards; it cannot reach copies
// that the runtime made (stack growth, registers) unless the toolchain is built with GOEXPERIMENT=runtimesecret.
package erase

import "runtime"

// Bytes overwrites b with zeros in a way that the compiler keeps.
func Bytes(b []byte) {
	clear(b)
	runtime.KeepAlive(b)
}
