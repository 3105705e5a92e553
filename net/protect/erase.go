//go:build !goexperiment.runtimesecret

package protect

// erasing calls f. In a build with GOEXPERIMENT=runtimesecret the runtime overwrites what f left on the stack, and what it
// left on the heap as soon as nothing refers to it.
func erasing(f func()) { f() }
