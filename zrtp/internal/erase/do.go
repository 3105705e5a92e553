//go:build !goexperiment.runtimesecret

package erase

// Do calls f. With GOEXPERIMENT=runtimesecret the runtime also erases what f left on the stack, in registers and on the
// heap.
func Do(f func()) { f() }
