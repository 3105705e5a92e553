//go:build goexperiment.runtimesecret

package erase

import "runtime/secret"

// Do calls f and has the runtime erase what f left on the stack, in registers and on the heap.
func Do(f func()) { secret.Do(f) }
